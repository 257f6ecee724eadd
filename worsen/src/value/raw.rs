//! JSON text that a value hands over as it is (`RawValue`), and the one line that it has to fit.

/// The name under which serde_json takes over a text as it is.
pub(super) const TOKEN: &str = "$serde_json::private::RawValue";

/// Turns line ends between the tokens of JSON into blanks, which mean the same. A string cannot hold a line
/// end, so one within a string stays: the text is not JSON, and its reader says so.
pub(super) fn blank_line_ends(json: &mut [u8]) {
    let mut in_string = false;
    let mut escaped = false;
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'"' => in_string = !in_string,
            b'\\' if in_string => escaped = true,
            b'\n' | b'\r' if !in_string => *byte = b' ',
            _ => {}
        }
    }
}

/// Whether it is one line.
pub(super) fn is_one_line(json: &[u8]) -> bool {
    memchr::memchr2(b'\n', b'\r', json).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_between_tokens_become_blanks() {
        let blanked = |json: &str| {
            let mut bytes = json.as_bytes().to_vec();
            blank_line_ends(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(blanked("{\r\n\"a\\\"\":\n1}"), "{  \"a\\\"\": 1}");
        assert_eq!(blanked("[1,\t2]"), "[1,\t2]");
        assert_eq!(blanked("\"\\n\""), "\"\\n\"");
        // Not JSON, and not made any.
        assert_eq!(blanked("[\"a\nb\",\n\"c\"]"), "[\"a\nb\", \"c\"]");
    }
}
