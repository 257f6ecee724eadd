//! The newer of two versions of a program: does as it is told with what it knows of the store.

use std::{collections::BTreeMap, error::Error};

use serde::{Deserialize, Serialize};
use worsen::{Map, Queue, Store, WorkQueue};
use worsen_tests::versions::obey;

#[derive(Store)]
#[store(name = "versions", poll = "never")]
struct State {
    count: u64,
    window: Window,
    users: Map<String, User>,
    tabs: Vec<Tab>,
    queue: Queue<Task>,
    todo: WorkQueue<Task>,
    groups: BTreeMap<String, Group>,
    theme: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Window {
    width: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    frame: Frame,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct User {
    age: u64,
    #[serde(default)]
    mail: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Tab {
    url: String,
    #[serde(default)]
    pinned: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Task {
    task: String,
    #[serde(default)]
    priority: u64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Group {
    users: BTreeMap<String, User>,
    #[serde(default)]
    color: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Frame {
    border: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    obey(|dir| State::builder().dir(dir).open(), act)
}

fn act(store: &StateStore, words: &[&str]) -> Result<Option<String>, Box<dyn Error>> {
    let text = |word: &str| word.to_owned();
    match *words {
        ["count", n] => store.set_count(n.parse()?).wait()?,
        ["width", n] => {
            let n = n.parse()?;
            store.update_window(move |window| window.width = n).wait()?;
        }
        ["height", n] => {
            let n = n.parse().ok();
            store
                .update_window(move |window| window.height = n)
                .wait()?;
        }
        ["age", name, n] => {
            let (name, n) = (text(name), n.parse()?);
            let change = move |users: &mut Map<String, User>| {
                users.get_or_insert_with(name, User::default).age = n;
            };
            store.update_users(change).wait()?;
        }
        ["leave", name] => {
            let name = text(name);
            store
                .update_users(move |users| users.remove(&name).is_some())
                .wait()?;
        }
        ["url", tab, url] => {
            let (tab, url) = (tab.parse::<usize>()?, text(url));
            let change = move |tabs: &mut Vec<Tab>| match tabs.get_mut(tab) {
                Some(tab) => tab.url = url,
                None => tabs.push(Tab {
                    url,
                    ..Tab::default()
                }),
            };
            store.update_tabs(change).wait()?;
        }
        ["close", tab] => {
            let tab = tab.parse::<usize>()?;
            let change = move |tabs: &mut Vec<Tab>| {
                if tab < tabs.len() {
                    tabs.remove(tab);
                }
            };
            store.update_tabs(change).wait()?;
        }
        ["sort"] => {
            let by_url = |one: &Tab, other: &Tab| one.url.cmp(&other.url);
            store.update_tabs(move |tabs| tabs.sort_by(by_url)).wait()?;
        }
        ["push", task] => {
            let task = text(task);
            let change = move |queue: &mut Queue<Task>| {
                queue.push_back(Task {
                    task,
                    ..Task::default()
                });
            };
            store.update_queue(change).wait()?;
        }
        ["retask", item, task] => {
            let (item, task) = (item.parse()?, text(task));
            let change = move |queue: &mut Queue<Task>| {
                if let Some(item) = queue.get_mut(item) {
                    item.task = task;
                }
            };
            store.update_queue(change).wait()?;
        }
        ["pop"] => drop(store.update_queue(Queue::pop_front).wait()?),
        ["work", task] => {
            let task = text(task);
            store
                .work(|state| &state.todo)
                .push(Task {
                    task,
                    ..Task::default()
                })
                .wait()?;
        }
        ["try"] => {
            let taken = store
                .work(|state| &state.todo)
                .take(std::time::Duration::from_secs(60));
            drop(taken.wait()?);
        }
        ["group", group, name, n] => {
            let (group, name, n) = (text(group), text(name), n.parse()?);
            let change = move |groups: &mut BTreeMap<String, Group>| {
                let group = groups.entry(group).or_default();
                group.users.entry(name).or_default().age = n;
            };
            store.update_groups(change).wait()?;
        }
        ["ungroup", group, name] => {
            let (group, name) = (text(group), text(name));
            let change = move |groups: &mut BTreeMap<String, Group>| {
                if let Some(group) = groups.get_mut(&group) {
                    group.users.remove(&name);
                }
            };
            store.update_groups(change).wait()?;
        }
        ["theme", theme] => store.set_theme(text(theme)).wait()?,
        ["title", title] => {
            let title = text(title);
            store
                .update_window(move |window| window.title = title)
                .wait()?;
        }
        ["frame", n] => {
            let n = n.parse()?;
            store
                .update_window(move |window| window.frame.border = n)
                .wait()?;
        }
        ["mail", name, mail] => {
            let (name, mail) = (text(name), text(mail));
            let change = move |users: &mut Map<String, User>| {
                users.get_or_insert_with(name, User::default).mail = mail;
            };
            store.update_users(change).wait()?;
        }
        ["pin", tab, n] => {
            let (tab, n) = (tab.parse::<usize>()?, n.parse()?);
            let change = move |tabs: &mut Vec<Tab>| {
                if let Some(tab) = tabs.get_mut(tab) {
                    tab.pinned = n;
                }
            };
            store.update_tabs(change).wait()?;
        }
        ["priority", item, n] => {
            let (item, n) = (item.parse()?, n.parse()?);
            let change = move |queue: &mut Queue<Task>| {
                if let Some(item) = queue.get_mut(item) {
                    item.priority = n;
                }
            };
            store.update_queue(change).wait()?;
        }
        ["work-first", task, n] => {
            let (task, priority) = (text(task), n.parse()?);
            store
                .work(|state| &state.todo)
                .push(Task { task, priority })
                .wait()?;
        }
        ["color", group, color] => {
            let (group, color) = (text(group), text(color));
            let change = move |groups: &mut BTreeMap<String, Group>| {
                groups.entry(group).or_default().color = color;
            };
            store.update_groups(change).wait()?;
        }
        ["mail-in-group", group, name, mail] => {
            let (group, name, mail) = (text(group), text(name), text(mail));
            let change = move |groups: &mut BTreeMap<String, Group>| {
                let group = groups.entry(group).or_default();
                group.users.entry(name).or_default().mail = mail;
            };
            store.update_groups(change).wait()?;
        }
        ["show"] => {
            let state = store.snapshot();
            let work: Vec<_> = state.todo.iter().map(|job| job.job().clone()).collect();
            let all = serde_json::json!({
                "count": state.count,
                "window": state.window,
                "users": state.users,
                "tabs": state.tabs,
                "queue": state.queue,
                "work": work,
                "groups": state.groups,
                "theme": state.theme,
            });
            return Ok(Some(all.to_string()));
        }
        ["health"] => {
            // The older one is told of the newer one's fields.
            let mut conditions = store.health();
            conditions.retain(|one| !matches!(one, worsen::Condition::UnknownUids { .. }));
            return Ok(Some(format!("{conditions:?}")));
        }
        _ => return Ok(None),
    }
    Ok(Some(store.revision().to_string()))
}
