//! One worker process and the socket to it.

use std::io::{self, BufReader, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::net::{SendFlags, send};

use super::Fallback;
use super::protocol::{MAX_PAYLOAD, Message, VERSION, parse};
use crate::error::{Error, Result};

/// How long a worker may take to start. Its interpreter and libraries come from the disk, and a busy
/// machine has other things to do: nothing is known against it before that.
const TIME_TO_START: Duration = Duration::from_secs(30);
/// How long a wait goes on before it is asked whether anyone still wants the track.
pub(super) const PATIENCE: Duration = Duration::from_millis(40);
/// A worker that was told to go, or whose socket has closed, has this long before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// As much of what a dying worker complained about as fits into one line.
const LAST_WORDS: usize = 300;

/// A running worker. Dropping it ends the process.
pub(super) struct Worker {
    child: Child,
    link: BufReader<UnixStream>,
    stderr: UnixStream,
    silence: Duration,
    /// Of the process that started it: after a fork, the child must leave it alone.
    owner: u32,
    /// What it decodes with, in words.
    pub(super) versions: String,
    /// How many files it was given.
    pub(super) n_files: u32,
    pub(super) idle_since: Instant,
}

/// Why a worker is of no more use.
#[derive(Debug)]
pub(super) enum Death {
    /// The socket closed.
    Closed,
    /// Nothing came, or nothing was taken, for too long.
    Silent,
    /// What came is not of the protocol.
    Garbled,
    /// It is sound, but the track has ended for another reason.
    Else(Error),
}

impl From<io::Error> for Death {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Closed,
        }
    }
}

impl Worker {
    /// Starts a worker. It has to be [`greeted`](Self::greeted) before it can be used.
    pub(super) fn spawn(fallback: &Fallback) -> Result<Self> {
        Self::start(fallback).map_err(|error| {
            let program = fallback.program.display();
            Error::Worker(format!("cannot start {program}: {error}"))
        })
    }

    /// Waits until the worker can work, for as long as the caller wants to `go_on`.
    pub(super) fn greeted(mut self, go_on: &dyn Fn() -> Result<()>) -> Result<Self> {
        let mut payload = Vec::new();
        let greeting = self.receive(&mut payload, Instant::now() + TIME_TO_START, go_on);
        match greeting.map(|kind| parse(kind, &payload)) {
            Ok(Some(Message::Hello { version: VERSION, text })) => {
                self.versions = text;
                Ok(self)
            }
            Ok(_) => Err(self.bury(Death::Garbled)),
            Err(death) => Err(self.bury(death)),
        }
    }

    fn start(fallback: &Fallback) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let (stderr, their_stderr) = UnixStream::pair()?;
        ours.set_read_timeout(Some(fallback.silence))?;
        ours.set_write_timeout(Some(fallback.silence))?;
        stderr.set_nonblocking(true)?;
        // What does not fit any more is lost; the worker must not wait for us to read it.
        their_stderr.set_nonblocking(true)?;
        let child = Command::new(&fallback.program)
            .args(&fallback.arguments)
            .arg(std::process::id().to_string())
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(OwnedFd::from(their_stderr)))
            // Ctrl-C is for the program; it ends its workers.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            child,
            link: BufReader::with_capacity(64 << 10, ours),
            stderr,
            silence: fallback.silence,
            owner: std::process::id(),
            versions: String::new(),
            n_files: 0,
            idle_since: Instant::now(),
        })
    }

    /// Whether this process started it, and not the one that this one was forked from.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Whether it still runs, as far as can be told without talking to it.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends one frame.
    pub(super) fn send(&mut self, kind: u32, parts: &[&[u8]]) -> Result<(), Death> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(length).map_err(|_| Death::Garbled)?;
        let head = [kind.to_le_bytes(), length.to_le_bytes()].concat();
        self.send_all(&head)?;
        parts.iter().try_for_each(|part| self.send_all(part))
    }

    fn send_all(&mut self, mut bytes: &[u8]) -> Result<(), Death> {
        let deadline = Instant::now() + self.silence;
        while !bytes.is_empty() {
            // Not `write`: a worker that has died must not end the program by SIGPIPE.
            match send(self.link.get_ref(), bytes, NO_SIGNAL) {
                Ok(n_sent) => bytes = &bytes[n_sent..],
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            if Instant::now() > deadline {
                return Err(Death::Silent);
            }
        }
        Ok(())
    }

    /// Replaces `payload` by the next frame's; returns its kind. While it waits, it asks now and then
    /// whether to `go_on`.
    pub(super) fn receive(
        &mut self,
        payload: &mut Vec<u8>,
        deadline: Instant,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<u32, Death> {
        let mut head = [0; 8];
        self.fill(&mut head, deadline, go_on)?;
        let [k0, k1, k2, k3, l0, l1, l2, l3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > MAX_PAYLOAD {
            return Err(Death::Garbled);
        }
        payload.resize(length, 0);
        self.fill(payload, deadline, go_on)?;
        Ok(u32::from_le_bytes([k0, k1, k2, k3]))
    }

    fn fill(
        &mut self,
        mut buffer: &mut [u8],
        deadline: Instant,
        go_on: &dyn Fn() -> Result<()>,
    ) -> Result<(), Death> {
        while !buffer.is_empty() {
            if self.link.buffer().is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Death::Silent);
                }
                self.link.get_ref().set_read_timeout(Some(left.min(PATIENCE)))?;
            }
            match self.link.read(buffer) {
                Ok(0) => return Err(Death::Closed),
                Ok(n_read) => buffer = &mut buffer[n_read..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match Death::from(error) {
                    Death::Silent => go_on().map_err(Death::Else)?,
                    death => return Err(death),
                },
            }
        }
        Ok(())
    }

    /// Ends the worker and says what it died of.
    pub(super) fn bury(mut self, death: Death) -> Error {
        let what = match death {
            Death::Else(error) => return error,
            Death::Silent => {
                self.end(Duration::ZERO);
                format!("gave no answer for {:.0} s and was ended", self.silence.as_secs_f64())
            }
            Death::Garbled => "said something that is not of the protocol".to_owned(),
            Death::Closed => match self.end(GRACE) {
                Some(status) => describe(status),
                None => "closed its socket".to_owned(),
            },
        };
        let last_words = self.last_words();
        if last_words.is_empty() {
            return Error::Worker(what);
        }
        Error::Worker(format!("{what}: {last_words}"))
    }

    /// Waits for the end, and brings it about if it does not come within `grace`. Returns how the
    /// worker ended of itself.
    fn end(&mut self, grace: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + grace;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        None
    }

    /// The last line that the worker wrote to its standard error.
    fn last_words(&mut self) -> String {
        let mut bytes = vec![0; 64 << 10];
        let n_bytes = self.stderr.read(&mut bytes).unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..n_bytes]);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("");
        line.chars().filter(|c| !c.is_control()).take(LAST_WORDS).collect()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_ours() {
            // It ends of itself when its socket closes, unless it is busy or stopped: no need to ask.
            let _ = self.link.get_ref().shutdown(Shutdown::Both);
            self.end(Duration::ZERO);
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// There, the socket itself is told so by the standard library.
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit status {code}"),
        (None, Some(9)) => "was killed (signal 9)".to_owned(),
        (None, Some(24)) => "used up the processor time of its track".to_owned(),
        (None, Some(signal)) => format!("crashed (signal {signal})"),
        (None, None) => "ended".to_owned(),
    }
}
