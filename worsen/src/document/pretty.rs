//! JSON text laid out for people, token by token: numbers stay as they are written, whatever their length. Never
//! here: what the JSON means.

/// Appends this JSON text, which is valid, with each member and element on a line of its own. `depth`: how deep
/// the value itself stands.
pub(super) fn pretty(json: &str, depth: usize, out: &mut String) {
    let mut depth = depth;
    let mut rest = json.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '[' | '}' | ']' | ',' | ':' => 1,
            _ => rest.find(is_end).unwrap_or(rest.len()).max(1),
        };
        let (token, behind) = rest.split_at(length);
        rest = behind.trim_start();
        match first {
            '{' | '[' => {
                out.push(first);
                if rest.starts_with(['}', ']']) {
                    out.push_str(&rest[..1]);
                    rest = rest[1..].trim_start();
                } else {
                    depth += 1;
                    break_line(out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(out, depth);
                out.push(first);
            }
            ',' => {
                out.push(',');
                break_line(out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(token),
        }
    }
}

/// Whether a number or a word ends before this character.
fn is_end(character: char) -> bool {
    matches!(character, ',' | '}' | ']' | ':' | '{' | '[' | '"') || character.is_whitespace()
}

/// How long the string is with which this text begins, its quotes included.
fn string_length(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    text.len()
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_out_is_the_same_value() {
        for json in [
            "null",
            r#""a \"quoted\" [text], {x: 1}\\""#,
            "123456789012345678901234567890.5e-7",
            r#"[ ]"#,
            r#"{"a":[1,2,[3,{}]],"b":{"c":"d"},"\u00e9":[null,true]}"#,
            " { \"a\" :\n[ 1 , 2 ] } ",
        ] {
            let mut text = String::new();
            pretty(json, 0, &mut text);
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(read(&text), read(json), "{text}");
            let mut again = String::new();
            pretty(&text, 0, &mut again);
            assert_eq!(again, text);
        }
    }
}
