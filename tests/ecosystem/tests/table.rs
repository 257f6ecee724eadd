//! The guide's table of types is what the store does to them.

use std::fs;

use worsen_tests_ecosystem::{crates, topics};

const GUIDE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../worsen/src/guide/types.md"
);

/// What stands above the rows of a topic.
fn head(topic: &str) -> [String; 4] {
    [
        format!("## {topic}"),
        String::new(),
        "| crate, features | type | stored as | in a field | as a key |".to_owned(),
        "| --- | --- | --- | --- | --- |".to_owned(),
    ]
}

#[test]
fn the_table_of_types_is_what_is_seen() {
    let topics = topics();
    let crates = crates(&topics);
    let mut rows = 0;
    let mut faults = Vec::new();
    let mut expected = Vec::new();
    for (topic, of_topic) in &topics {
        expected.extend(head(topic));
        for row in of_topic {
            expected.push(row.to_string());
            faults.extend(
                row.faults
                    .iter()
                    .map(|fault| format!("{}: {fault}", row.name)),
            );
            rows += 1;
        }
        expected.push(String::new());
    }
    println!("{rows} types of {crates} crates and the standard library");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(crates >= 60, "only {crates} crates");

    let guide = fs::read_to_string(GUIDE).unwrap();
    let begin = guide.find("## The standard library").unwrap_or(guide.len());
    let (prose, table) = guide.split_at(begin);
    let found: Vec<&str> = table.trim_end().lines().collect();
    while expected.last().is_some_and(String::is_empty) {
        expected.pop();
    }
    if std::env::var_os("WORSEN_WRITE_TABLE").is_some() {
        fs::write(GUIDE, format!("{prose}{}\n", expected.join("\n"))).unwrap();
        return;
    }
    let mut differences = Vec::new();
    for number in 0..expected.len().max(found.len()) {
        let (is, seen) = (found.get(number), expected.get(number));
        if is.copied() != seen.map(String::as_str) {
            let text = |line: Option<&str>| line.unwrap_or("nothing").to_owned();
            differences.push(format!(
                "the guide has\n  {}\nand what is seen is\n  {}",
                text(is.copied()),
                text(seen.map(String::as_str))
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{}\nWORSEN_WRITE_TABLE=1 writes the rows anew: read them before you commit them",
        differences.join("\n\n")
    );
}
