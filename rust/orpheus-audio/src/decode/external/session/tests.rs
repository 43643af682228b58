use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::guard::Guard;
use crate::limits::Limits;
use crate::source::{Input, Source};

/// A worker made of a shell script, which knows half of the protocol.
fn worker(script: &str) -> Arc<Fallback> {
    Arc::new(Fallback {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        silence: Duration::from_millis(700),
        idle: Duration::from_secs(1),
    })
}

fn open(script: &str) -> Result<External> {
    open_guarded(script, Guard::uncancelled(&Limits::default()))
}

fn open_guarded(script: &str, guard: Guard) -> Result<External> {
    let source = Source::Bytes(b"wvpk and so on"[..].into());
    let input = Input::open(&source, &Limits::default()).unwrap();
    let foreign = super::super::formats::foreign(b"wvpk").unwrap();
    External::open(&worker(script), foreign, Behind { input, start: 0, guard })
}

/// `printf` of a frame whose payload is `payload`, spelled in octal; it goes to the socket.
fn frame(kind: u32, payload: &[u8]) -> String {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(payload);
    let octal: Vec<_> = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    let octal = octal.concat();
    format!("printf '{octal}' >&0; ")
}

fn hello() -> String {
    frame(16, &[2, 0, 0, 0])
}

fn header() -> String {
    let mut payload = 8000_u32.to_le_bytes().to_vec();
    payload.extend(1_u32.to_le_bytes());
    payload.extend(3_u64.to_le_bytes());
    payload.extend(0_u32.to_le_bytes());
    frame(18, &[&payload[..], b"odd"].concat())
}

/// One block of two 8-bit samples, which has cost a second.
fn block(sample_rate: u32) -> String {
    let mut payload = vec![0, 0, 1, 0];
    payload.extend(sample_rate.to_le_bytes());
    payload.extend([2, 0, 0, 0]);
    payload.extend([0xe8, 3, 0, 0]);
    payload.extend([192, 64]);
    frame(19, &payload)
}

fn refusal(script: &str) -> Error {
    match open(script) {
        Err(error) => error,
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn samples_and_losses_come_as_the_worker_sends_them() {
    let loss = frame(20, &[&5_u64.to_le_bytes()[..], b"a hole"].concat());
    let script = [hello(), header(), block(8000), loss, block(4000), frame(21, b"")].concat();
    let mut track = open(&format!("{script} sleep 5")).unwrap();
    assert_eq!(track.info().codec, "odd");
    assert_eq!((track.info().n_samples, track.info().sample_rate), (Some(3), 8000));
    let mut block = Block::default();
    assert!(track.next_block(&mut block).unwrap());
    assert_eq!(block.channels, [[0.5, -0.5]]);
    while track.next_block(&mut block).unwrap() {
        assert_eq!(block.n_samples(), 0);
    }
    // Five of the hole, and two at half of the rate: silence in front of what follows.
    assert_eq!(track.losses().n_pending, 9);
    assert_eq!(track.losses().first.as_deref(), Some("a hole"));
}

#[test]
fn more_samples_than_promised_are_noticed() {
    let script = [hello(), header(), block(8000), block(8000), frame(21, b"")].concat();
    let mut track = open(&format!("{script} sleep 5")).unwrap();
    let mut block = Block::default();
    while track.next_block(&mut block).unwrap() {}
    assert_eq!(track.losses().first.as_deref(), Some("4 samples where 3 were promised"));
}

#[test]
fn a_worker_that_breaks_the_rules_is_an_error_of_its_own_kind() {
    let scripts = [
        ("exit 3".to_owned(), "exit status 3"),
        ("echo no >&2; exit 1".to_owned(), "no"),
        (frame(16, &[9, 0, 0, 0]), "protocol"),
        (hello() + "kill -9 $$", "signal 9"),
        (hello() + &frame(19, &[1, 2, 3]) + "sleep 60", "protocol"),
        (hello() + &block(8000) + "sleep 60", "protocol"),
        (hello() + &frame(22, b"\x03") + "sleep 60", "memory"),
        (hello() + "sleep 60", "gave no answer"),
    ];
    for (script, message) in scripts {
        let error = refusal(&script);
        assert_eq!(error.kind(), "worker", "{script}: {error}");
        assert!(error.to_string().contains(message), "{script}: {error}");
    }
}

#[test]
fn what_the_worker_says_against_the_file_is_the_files_fault() {
    for (code, kind) in [(0, "damaged"), (1, "unsupported"), (2, "not_audio")] {
        let script = hello() + &frame(22, &[&[code], &b"a reason"[..]].concat()) + "sleep 60";
        let error = refusal(&script);
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("a reason"), "{error}");
    }
}

#[test]
fn whoever_cancels_need_not_wait_for_the_worker() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let guard = Guard::new(&Limits::default(), cancelled.clone());
    let mut track = open_guarded(&(hello() + &header() + "sleep 60"), guard).unwrap();
    cancelled.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let error = track.next_block(&mut Block::default()).unwrap_err();
    assert_eq!(error.kind(), "cancelled");
    assert!(started.elapsed() < Duration::from_millis(600), "{:?}", started.elapsed());
}

#[test]
fn whoever_cancels_need_not_wait_for_a_worker_to_start() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let guard = Guard::new(&Limits::default(), cancelled.clone());
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(150));
        cancelled.store(true, Ordering::Relaxed);
    });
    let Err(error) = open_guarded("sleep 60", guard) else { panic!("it was opened") };
    canceller.join().unwrap();
    // Who did not ask would wait until the worker is late, which is another error.
    assert_eq!(error.kind(), "cancelled");
}

#[test]
fn the_workers_processor_time_is_held_against_the_limit_of_the_track() {
    for (max_cpu_seconds, is_enough) in [(1.5, true), (0.5, false)] {
        let guard = Guard::uncancelled(&Limits { max_cpu_seconds, ..Limits::default() });
        let script = hello() + &header() + &block(8000) + "sleep 5";
        let mut track = open_guarded(&script, guard).unwrap();
        match track.next_block(&mut Block::default()) {
            Ok(_) => assert!(is_enough),
            Err(error) => assert!(!is_enough && error.kind() == "limit", "{error}"),
        }
    }
}

#[test]
fn a_worker_that_falls_silent_in_the_middle_fails_the_track() {
    let mut track = open(&(hello() + &header() + &block(8000) + "sleep 60")).unwrap();
    let mut block = Block::default();
    assert!(track.next_block(&mut block).unwrap());
    assert_eq!(track.next_block(&mut block).unwrap_err().kind(), "worker");
    // And has no more to give.
    assert!(!track.next_block(&mut block).unwrap());
}
