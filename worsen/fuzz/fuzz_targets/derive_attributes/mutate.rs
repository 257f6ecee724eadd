//! How a struct becomes another one: word by word, because after most changes of a byte it would be no struct.
//! Never here: what must hold for it.

use crate::random::Random;

/// The words to insert: each key of `#[store(...)]` and of serde's attributes, values that fit them or nearly do,
/// and whatever else a struct can contain.
const WORDS: &[&str] = &[
    // Whole attributes, and a field to put them on.
    "#[store()]",
    "#[store(",
    "#[serde(",
    ")]",
    "#[store]",
    "#[store = 1]",
    "#[serde(default)]",
    "#[serde(flatten)]",
    "#[serde(skip)]",
    "#[deprecated]",
    "#[deprecated = \"old\"]",
    "#[doc(hidden)]",
    "/// words\n",
    "x: u8,",
    "pub y: Option<T>,",
    "r#type: String,",
    "x: &'static str,",
    // The keys of `#[store(...)]`, and those that people write in their place.
    "name",
    "dir",
    "poll",
    "durability",
    "lock_timeout",
    "history",
    "handle",
    "accessors",
    "rename_all",
    "crate",
    "uid",
    "seed",
    "accessor",
    "skip",
    "with",
    "validate",
    "normalize",
    "range",
    "len",
    "one_of",
    "on_mismatch",
    "version",
    "migrate",
    "compatible",
    "removed",
    "removed(\"old\", \"x\")",
    "deny_unknown",
    "version = 2",
    "alias = \"old\"",
    "env",
    "env_prefix",
    "default",
    "path",
    "rename",
    "timeout",
    "sead",
    "naem",
    // Serde's.
    "serialize",
    "deserialize",
    "serialize_with",
    "deserialize_with",
    "skip_serializing",
    "skip_deserializing",
    "skip_serializing_if",
    "alias",
    "flatten",
    "from",
    "try_from",
    "into",
    "transparent",
    "tag",
    "bound",
    "borrow",
    "deny_unknown_fields",
    "expecting",
    "remote",
    "getter",
    // Values.
    "1..=65535",
    "..=80",
    "2..1",
    "..",
    "[\"light\", \"dark\"]",
    "[]",
    "path::to::function",
    "\"APP_PORT\"",
    "\"A=B\"",
    "\"\"",
    "\"a/b\"",
    "\"error\"",
    "\"seed\"",
    "\"camelCase\"",
    "\"SCREAMING-KEBAB-CASE\"",
    "\"5s\"",
    "\"0s\"",
    "\"never\"",
    "\"1h 30m\"",
    "\"18446744073709551615s\"",
    "\"18446744073709551615s 999999999999ns\"",
    "\"\\0\"",
    "\".\"",
    "\"..\"",
    "\"crate::hex\"",
    "\"As::<Hex>\"",
    "\"<T as U>::f\"",
    "\"r#type\"",
    "\"self\"",
    "\"_\"",
    "\"größe\"",
    "\"\\u{a0}\"",
    "r\"raw\"",
    "r#\"raw\"#",
    "b\"bytes\"",
    "c\"text\"",
    "'c'",
    "b'c'",
    "1",
    "-1",
    "1.5",
    "true",
    "false",
    "Synced",
    "Buffered",
    "app",
    "config",
    "app(\"a\", \"b\", \"c\")",
    "pub",
    "pub(crate)",
    "pub(self)",
    "pub(in crate::a)",
    // The rest of the language.
    "struct",
    "enum",
    "union",
    "State",
    "Self",
    "R",
    "T",
    "where",
    "T: Clone",
    "'a",
    "'static",
    "const N: usize",
    "dyn Fn(&str)",
    "impl",
    "for<'b>",
    "vec![1, 2]",
    "|x| x",
    "if x { 1 } else { 2 }",
    "match x { _ => 1 }",
    "unsafe { f() }",
    "async {}",
    "Vec::<u8>::new()",
    "x.y()",
    "[0; 4]",
    "&x",
    "loop {}",
    "return",
    "u8",
    "Vec<T>",
    "(u8, Self)",
    "[Self; N]",
    "fn(&u8) -> R",
    "m!(R)",
    "!",
    "_",
    ",",
    ";",
    ":",
    "::",
    "=",
    "==",
    "=>",
    "->",
    "..",
    "..=",
    "?",
    "#",
    "$",
    "@",
    "&",
    "*",
    "+",
    "-",
    "|",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "()",
    "{}",
    "[]",
];

/// How many words a mutation changes at most.
const MOST_CHANGES: u64 = 4;

/// Makes another input of the first `size` bytes of `data`, and returns its size.
pub(crate) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Random::new(u64::from(seed));
    let text = match std::str::from_utf8(&data[..size]) {
        // One in eight as libFuzzer does it, which also knows what the code has compared.
        Ok(text) if dice.below(8) > 0 => text,
        _ => return libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    };
    let mut words: Vec<&str> = split(text);
    for _ in 0..=dice.below(MOST_CHANGES) {
        change(&mut words, &mut dice);
    }
    let changed = words.concat();
    if changed.is_empty() || changed.len() > max_size {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    data[..changed.len()].copy_from_slice(changed.as_bytes());
    changed.len()
}

fn change(words: &mut Vec<&str>, dice: &mut Random) {
    let word = WORDS[index(dice, WORDS.len())];
    let at = index(dice, words.len() + 1);
    if at == words.len() {
        return words.push(word);
    }
    let other = index(dice, words.len());
    match dice.below(6) {
        0 => words.insert(at, word),
        1 => {
            words.insert(at, " ");
            words.insert(at, word);
        }
        2 => words[at] = word,
        3 => {
            words.remove(at);
        }
        4 => words.swap(at, other),
        _ => {
            // The same words a second time, somewhere else, so that a field or an attribute stands there twice.
            let end = words.len().min(other + 1 + index(dice, 24));
            let run = words[other..end].to_vec();
            words.splice(at..at, run);
        }
    }
}

/// Names and numbers, texts in quotes, blanks, and each other character alone.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if is_name(first) {
            rest.find(|char| !is_name(char)).unwrap_or(rest.len())
        } else if first.is_whitespace() {
            rest.find(|char: char| !char.is_whitespace())
                .unwrap_or(rest.len())
        } else if first == '"' {
            closing_quote(rest)
        } else {
            first.len_utf8()
        };
        let (word, behind) = rest.split_at(end);
        words.push(word);
        rest = behind;
    }
    words
}

fn is_name(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Where the text in quotes ends that `rest` begins with.
fn closing_quote(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return at + 1,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

/// Which of so many. The numbers follow from libFuzzer's own, so that a run with `-seed=` can be repeated.
fn index(dice: &mut Random, len: usize) -> usize {
    dice.below(len as u64) as usize
}
