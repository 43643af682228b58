//! Whether an Ogg file has its end: libav takes one that is cut for one that is short.

use crate::error::Result;
use crate::source::Input;

/// Header, lacing values and the longest body (RFC 3533 §6).
const MAX_PAGE_BYTES: u64 = 27 + 255 + 255 * 255;
const END_OF_STREAM: u8 = 4;

/// What is wrong with the last page.
pub(super) fn trouble_at_end(input: &mut Input) -> Result<Option<&'static str>> {
    // Room for tags that do not belong there, but are often found.
    let from = input.len().saturating_sub(2 * MAX_PAGE_BYTES);
    let mut bytes = vec![0; (input.len() - from) as usize];
    let n = input.read_at(from, &mut bytes)?;
    Ok(trouble(&bytes[..n]))
}

fn trouble(bytes: &[u8]) -> Option<&'static str> {
    const CUT: Option<&str> = Some("the file ends in the middle of an Ogg page");
    let Some(at) = bytes.windows(5).rposition(|start| start == b"OggS\0") else { return CUT };
    let page = &bytes[at..];
    let Some(n_segments) = page.get(26) else { return CUT };
    let Some(lacing) = page.get(27..27 + usize::from(*n_segments)) else { return CUT };
    let n_body: usize = lacing.iter().map(|&n| usize::from(n)).sum();
    if page.len() < 27 + lacing.len() + n_body {
        return CUT;
    }
    (page[5] & END_OF_STREAM == 0).then_some("the last page of the Ogg stream is missing")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(flags: u8) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.extend([0; 20]);
        page.extend([2, 255, 45]);
        page.extend([7; 300]);
        page
    }

    #[test]
    fn only_a_last_page_that_is_whole_will_do() {
        let file = [page(2), page(0), page(END_OF_STREAM)].concat();
        assert_eq!(trouble(&file), None);
        assert_eq!(trouble(&[&file[..], b"TAG and more"].concat()), None);
        let n = page(0).len();
        for cut in 1..n {
            assert!(trouble(&file[..file.len() - cut]).is_some(), "{cut}");
        }
        assert_eq!(trouble(&file[..2 * n]), Some("the last page of the Ogg stream is missing"));
        assert!(trouble(b"").is_some());
    }
}
