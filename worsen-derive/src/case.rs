//! Names in another case: the name of a store's files from that of its struct, a uid from that of a field.

/// How a field's name becomes its uid. The names are serde's.
#[derive(Clone, Copy)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameRule {
    pub(crate) const ALL: &[(&str, RenameRule)] = &[
        ("lowercase", RenameRule::Lower),
        ("UPPERCASE", RenameRule::Upper),
        ("PascalCase", RenameRule::Pascal),
        ("camelCase", RenameRule::Camel),
        ("snake_case", RenameRule::Snake),
        ("SCREAMING_SNAKE_CASE", RenameRule::ScreamingSnake),
        ("kebab-case", RenameRule::Kebab),
        ("SCREAMING-KEBAB-CASE", RenameRule::ScreamingKebab),
    ];

    /// The rule of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let rule = RenameRule::ALL.iter().find(|(known, _)| *known == name);
        rule.map(|(_, rule)| *rule)
    }

    /// The name after the rule. A rule starts from snake case, which a field's name is in already. It gives what serde's
    /// gives, to the letter, so that a field has one name in the store and in serde's JSON.
    pub(crate) fn apply(self, name: &str) -> String {
        let first = |word: &str, change: fn(&mut str)| {
            let mut word = word.to_owned();
            let end = word.chars().next().map_or(0, char::len_utf8);
            word.get_mut(..end).map(change);
            word
        };
        let pascal = || -> String {
            let words = name.split('_');
            words
                .map(|word| first(word, str::make_ascii_uppercase))
                .collect()
        };
        match self {
            RenameRule::Lower | RenameRule::Snake => name.to_owned(),
            RenameRule::Upper | RenameRule::ScreamingSnake => name.to_ascii_uppercase(),
            RenameRule::Pascal => pascal(),
            RenameRule::Camel => first(&pascal(), str::make_ascii_lowercase),
            RenameRule::Kebab => name.replace('_', "-"),
            RenameRule::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// `AppState` -> `app_state`, `HTTPServer2` -> `http_server2`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, &char) in chars.iter().enumerate() {
        if char.is_uppercase() && at > 0 {
            let after_word = chars[at - 1].is_lowercase() || chars[at - 1].is_numeric();
            // The last capital of `HTTPServer` begins the next word.
            let ends_acronym = chars[at - 1].is_uppercase()
                && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
            if after_word || ends_acronym {
                snake.push('_');
            }
        }
        snake.extend(char.to_lowercase());
    }
    snake
}
