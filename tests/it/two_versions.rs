//! An older and a newer program alternate on one store, two real processes with structs of their own, and neither
//! loses anything: not a field, and not a key within a value.

use std::{
    io::{BufRead, BufReader, Lines, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Random, folder};

/// One of the two programs.
struct Program {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(which: &str, dir: &Path) -> Program {
        let mut child = Command::new(which)
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let orders = child.stdin.take().expect("its stdin is piped");
        let stdout = child.stdout.take().expect("its stdout is piped");
        Program {
            child,
            orders,
            answers: BufReader::new(stdout).lines(),
        }
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").expect("it listens");
        let answer = self.answers.next();
        answer
            .unwrap_or_else(|| panic!("at `{order}` it ended"))
            .expect("its answers are text")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the newer program should see.
struct Model(Value);

impl Model {
    fn new() -> Model {
        Model(json!({
            "count": 0, "theme": "", "users": {}, "tabs": [], "queue": [], "work": [], "groups": {},
            "window": {"width": 0, "title": "", "frame": {"border": 0}},
        }))
    }

    fn list(&mut self, field: &str) -> &mut Vec<Value> {
        self.0[field].as_array_mut().expect("a list")
    }

    /// Does as an order says.
    fn obey(&mut self, order: &str) {
        let words: Vec<&str> = order.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().expect("a number");
        let place = |word: &str| word.parse::<usize>().expect("a place");
        let user = || json!({"age": 0, "mail": ""});
        let group = || json!({"users": {}, "color": ""});
        let (tabs, has_items) = (self.list("tabs").len(), !self.list("queue").is_empty());
        let state = &mut self.0;
        match words[..] {
            ["count", n] => state["count"] = number(n).into(),
            ["theme", theme] => state["theme"] = theme.into(),
            ["width", n] => state["window"]["width"] = number(n).into(),
            ["height", "none"] => {
                state["window"]
                    .as_object_mut()
                    .expect("a struct")
                    .remove("height");
            }
            ["height", n] => state["window"]["height"] = number(n).into(),
            ["title", title] => state["window"]["title"] = title.into(),
            ["frame", n] => state["window"]["frame"]["border"] = number(n).into(),
            ["age" | "mail", name, _] if state["users"].get(name).is_none() => {
                state["users"][name] = user();
                self.obey(order);
            }
            ["age", name, n] => state["users"][name]["age"] = number(n).into(),
            ["mail", name, mail] => state["users"][name]["mail"] = mail.into(),
            ["leave", name] => drop(state["users"].as_object_mut().expect("a map").remove(name)),
            ["url", tab, url] => match self.list("tabs").get_mut(place(tab)) {
                Some(tab) => tab["url"] = url.into(),
                None => self.list("tabs").push(json!({"url": url, "pinned": 0})),
            },
            ["pin", tab, n] => {
                if let Some(tab) = self.list("tabs").get_mut(place(tab)) {
                    tab["pinned"] = number(n).into();
                }
            }
            ["close", tab] if place(tab) < tabs => {
                self.list("tabs").remove(place(tab));
            }
            ["close", _] => {}
            ["sort"] => self.list("tabs").sort_by_key(|tab| tab["url"].to_string()),
            ["push", task] => self
                .list("queue")
                .push(json!({"task": task, "priority": 0})),
            ["retask", item, task] => {
                if let Some(item) = self.list("queue").get_mut(place(item)) {
                    item["task"] = task.into();
                }
            }
            ["priority", item, n] => {
                if let Some(item) = self.list("queue").get_mut(place(item)) {
                    item["priority"] = number(n).into();
                }
            }
            ["pop"] if has_items => drop(self.list("queue").remove(0)),
            ["pop"] => {}
            ["work", task] => self.list("work").push(json!({"task": task, "priority": 0})),
            ["work-first", task, n] => {
                self.list("work")
                    .push(json!({"task": task, "priority": number(n)}));
            }
            ["try"] => {}
            ["group" | "color" | "mail-in-group", name, ..]
                if state["groups"].get(name).is_none() =>
            {
                state["groups"][name] = group();
                self.obey(order);
            }
            ["color", group, color] => state["groups"][group]["color"] = color.into(),
            ["group" | "mail-in-group", group, name, _]
                if state["groups"][group]["users"].get(name).is_none() =>
            {
                state["groups"][group]["users"][name] = user();
                self.obey(order);
            }
            ["group", group, name, n] => {
                state["groups"][group]["users"][name]["age"] = number(n).into();
            }
            ["mail-in-group", group, name, mail] => {
                state["groups"][group]["users"][name]["mail"] = mail.into();
            }
            ["ungroup", group, name] => {
                if let Some(group) = state["groups"].get_mut(group) {
                    group["users"].as_object_mut().expect("a map").remove(name);
                }
            }
            _ => panic!("what is `{order}`"),
        }
    }
}

/// An order that a program of either version understands, or the newer one alone. `step` makes each value another one.
fn order(random: &mut Random, is_newer: bool, step: usize) -> String {
    let names = ["ada", "alan", "grace"];
    let name = names[random.below(3) as usize];
    let group = ["staff", "guests"][random.below(2) as usize];
    let place = random.below(4);
    let known = [
        format!("count {step}"),
        format!("width {step}"),
        format!("height {step}"),
        "height none".to_owned(),
        format!("age {name} {step}"),
        format!("leave {name}"),
        format!("url {place} u{:04}", (step * 7) % 1009),
        format!("close {place}"),
        "sort".to_owned(),
        format!("push t{step}"),
        format!("retask {place} r{step}"),
        "pop".to_owned(),
        format!("work w{step}"),
        "try".to_owned(),
        format!("group {group} {name} {step}"),
        format!("ungroup {group} {name}"),
    ];
    let newer = [
        format!("theme {step}"),
        format!("title {step}"),
        format!("frame {step}"),
        format!("mail {name} {step}"),
        format!("pin {place} {step}"),
        format!("priority {place} {step}"),
        format!("work-first p{step} {step}"),
        format!("color {group} {step}"),
        format!("mail-in-group {group} {name} {step}"),
    ];
    let all: Vec<String> = match is_newer {
        true => newer.into_iter().chain(known).collect(),
        false => known.into(),
    };
    all[random.below(all.len() as u64) as usize].clone()
}

/// Returns the revision in the end.
fn alternate(test: &str, steps: usize) -> usize {
    let folder = folder();
    let mut random = Random::seeded(test);
    let mut newer = Program::start(env!("CARGO_BIN_EXE_newer"), folder.path());
    let mut older = Program::start(env!("CARGO_BIN_EXE_older"), folder.path());
    let mut model = Model::new();
    for step in 0..steps {
        let is_newer = step % 2 == 0;
        let order = order(&mut random, is_newer, step);
        model.obey(&order);
        match is_newer {
            true => newer.order(&order),
            false => older.order(&order),
        };
        let shown: Value = serde_json::from_str(&newer.order("show")).expect("it is JSON");
        assert_eq!(shown, model.0, "at step {step}, after `{order}`");
        if step % 97 == 96 {
            // It begins anew from the file, and knows nothing of what it wrote before.
            assert_eq!(older.order("health"), "[]");
            older = Program::start(env!("CARGO_BIN_EXE_older"), folder.path());
        }
    }
    assert_eq!(newer.order("health"), "[]");
    let revision: usize = newer.order("count 0").parse().expect("a revision");
    model.obey("count 0");
    drop(newer);
    let mut newer = Program::start(env!("CARGO_BIN_EXE_newer"), folder.path());
    let shown: Value = serde_json::from_str(&newer.order("show")).expect("it is JSON");
    assert_eq!(shown, model.0, "after the next opening");
    revision
}

#[test]
fn an_older_and_a_newer_program_alternate_for_a_thousand_commits_and_neither_loses_anything() {
    // Some steps find nothing to change.
    let commits = alternate("two_versions", 1_400);
    assert!(commits >= 1_000, "{commits} commits");
}

/// The same, short enough to be run with each known mistake.
#[test]
fn what_a_newer_program_wrote_within_a_value_survives_an_older_one() {
    alternate("two_versions_short", 150);
}
