//! Genres: names, `ID3v1`'s numbers, several in one text.

use super::parse::genre_name;

/// The genres in `text`, in its order.
///
/// Values are separated by NUL (`ID3v2.4`, `APEv2`) or semicolons. `(17)`, `(17)(6)` and `(4)Eurodisco`
/// are `ID3v2.3`'s references with an optional refinement (`ID3v2.3` §4.2.1, `TCON`), `((` begins a name
/// with a parenthesis; a bare number is a reference too. Unknown numbers say nothing and are dropped.
pub(super) fn genres(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in text.split(['\0', ';']) {
        resolve(value.trim(), &mut found);
    }
    found
}

fn resolve(mut value: &str, found: &mut Vec<String>) {
    while let Some(rest) = value.strip_prefix('(').filter(|rest| !rest.starts_with('(')) {
        let Some((reference, refinement)) = rest.split_once(')') else { break };
        let is_number =
            !reference.is_empty() && reference.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number && !matches!(reference, "RX" | "CR") {
            break;
        }
        found.extend(named(reference).map(str::to_owned));
        value = refinement.trim();
    }
    value = if value.starts_with("((") { &value[1..] } else { value };
    if value.is_empty() {
        return;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        found.extend(named(value).map(str::to_owned));
    } else {
        found.push(value.to_owned());
    }
}

fn named(reference: &str) -> Option<&'static str> {
    match reference {
        "RX" => Some("Remix"),
        "CR" => Some("Cover"),
        number => genre_name(number.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_names() {
        for (text, expected) in [
            ("17", &["Rock"][..]),
            ("(17)", &["Rock"]),
            ("(17)Rock", &["Rock", "Rock"]),
            ("(51)(39)", &["Trance", "Noise"]),
            ("(4)Eurodisco", &["Disco", "Eurodisco"]),
            ("(RX)(26)", &["Remix", "Ambient"]),
            ("(255)", &[]),
            ("999999999999", &[]),
            ("", &[]),
        ] {
            assert_eq!(genres(text), expected, "{text:?}");
        }
    }

    #[test]
    fn several_values_are_told_apart() {
        assert_eq!(genres("Ambient\0Drone"), ["Ambient", "Drone"]);
        assert_eq!(genres("21\026"), ["Ska", "Ambient"]);
        assert_eq!(genres("Ambient; Drone;"), ["Ambient", "Drone"]);
    }

    #[test]
    fn names_are_left_as_they_are() {
        assert_eq!(genres("Drum & Bass / Jungle"), ["Drum & Bass / Jungle"]);
        assert_eq!(genres("(Psychedelic) Rock"), ["(Psychedelic) Rock"]);
        assert_eq!(genres("((live) set"), ["(live) set"]);
        assert_eq!(genres("(17"), ["(17"]);
        assert_eq!(genres("2-Step"), ["2-Step"]);
    }
}
