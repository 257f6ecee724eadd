//! Every way to lose what was not synced: what a power cut decides, and the machine after each decision. Never
//! here: what a disk does while it runs.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    content::{Node, Sector},
    directory::Directory,
    random::Random,
    state::State,
};

/// Everything that is open at a crash: one number a question, below how many answers it has.
pub(super) struct Plan {
    state: State,
    questions: Vec<Question>,
    pub(super) seed: u64,
}

#[derive(Clone, Copy)]
enum Question {
    /// How many of its changes a directory has.
    Names { dir: u64, changes: u32 },
    /// How many changes of its size a file has.
    Size { inode: u64, changes: u32 },
    /// 0 to `writes`: after that many. Then torn at `cut`, then garbage.
    Sector {
        inode: u64,
        sector: u64,
        writes: u32,
        cut: u64,
    },
}

impl Question {
    fn answers(self) -> u32 {
        match self {
            Question::Names { changes, .. } | Question::Size { changes, .. } => changes + 1,
            Question::Sector { writes, .. } => writes + 3,
        }
    }

    /// The answer by which nothing is lost.
    fn kept(self) -> u32 {
        match self {
            Question::Names { changes, .. } | Question::Size { changes, .. } => changes,
            Question::Sector { writes, .. } => writes,
        }
    }

    fn is_sector(self) -> bool {
        matches!(self, Question::Sector { .. })
    }

    fn is_names(self) -> bool {
        matches!(self, Question::Names { .. })
    }
}

impl Plan {
    pub(super) fn new(mut state: State, seed: u64) -> Plan {
        state.trace.clear();
        state.faults.clear();
        // As they are now: the machine may go on while its crashes are looked at.
        state
            .shared_pages
            .values_mut()
            .for_each(|page| *page = page.copy());
        let named = state.named();
        state.nodes.retain(|number, _| named.contains(number));
        let mut questions = Vec::new();
        for (number, dir) in &state.dirs {
            if !dir.changes.is_empty() {
                let changes = dir.changes.len() as u32;
                questions.push(Question::Names {
                    dir: *number,
                    changes,
                });
            }
        }
        for (number, node) in &state.nodes {
            let (inode, changes) = (*number, node.sizes());
            if changes > 0 {
                questions.push(Question::Size { inode, changes });
            }
            for (sector, (writes, range)) in node.sectors() {
                let mut random = Random::new(seed ^ (inode << 40) ^ sector);
                // At least one byte new and, where there are two, one old.
                let bytes = range.end - range.start;
                let cut = range.start + 1 + random.below((bytes - 1).max(1));
                questions.push(Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                });
            }
        }
        Plan {
            state,
            questions,
            seed,
        }
    }

    pub(super) fn total(&self) -> u128 {
        let answers = self
            .questions
            .iter()
            .map(|question| u128::from(question.answers()));
        answers.fold(1, u128::saturating_mul)
    }

    /// All answers by a rule.
    fn all(&self, answer: impl Fn(Question) -> u32) -> Vec<u32> {
        self.questions
            .iter()
            .map(|question| answer(*question))
            .collect()
    }

    /// The states that are worth seeing before any others, each as its answers.
    pub(super) fn extremes(&self) -> Vec<Vec<u32>> {
        let lost = self.all(|_| 0);
        let kept = self.all(Question::kept);
        let if_sector = |yes: bool| self.all(|q| if q.is_sector() == yes { q.kept() } else { 0 });
        let if_names = |yes: bool| self.all(|q| if q.is_names() == yes { q.kept() } else { 0 });
        let sectors_at = |beyond: u32| {
            self.all(|q| match q.is_sector() {
                true => q.kept() + beyond,
                false => q.kept(),
            })
        };
        // Names and sizes are there, the data is not.
        let bare = if_sector(false);
        let mut all = vec![
            lost.clone(),
            kept.clone(),
            bare.clone(),
            if_sector(true),
            if_names(true),
            if_names(false),
            // Every sector garbage, and every sector torn.
            sectors_at(2),
            sectors_at(1),
        ];
        // The first and the last sector of each file, before the many in between.
        for at in self.ends_of_files() {
            let kept_here = self.questions[at].kept();
            all.push(with(&bare, at, kept_here));
            all.push(with(&kept, at, 0));
            all.push(with(&kept, at, kept_here + 1));
            all.push(with(&kept, at, kept_here + 2));
        }
        let sectors = |q: &(usize, &Question)| q.1.is_sector();
        for (at, question) in self.questions.iter().enumerate().filter(|q| !sectors(q)) {
            for answer in 0..question.answers() {
                all.push(with(&kept, at, answer));
                all.push(with(&lost, at, answer));
            }
        }
        for (at, question) in self.questions.iter().enumerate().filter(sectors) {
            all.push(with(&bare, at, question.kept()));
            for answer in 0..question.answers() {
                all.push(with(&kept, at, answer));
            }
            all.push(with(&bare, at, question.kept() + 1));
            all.push(with(&bare, at, question.kept() + 2));
        }
        all
    }

    /// The questions about the first and about the last sector of each file.
    fn ends_of_files(&self) -> impl Iterator<Item = usize> {
        let mut ends: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for (at, question) in self.questions.iter().enumerate() {
            if let Question::Sector { inode, .. } = question {
                ends.entry(*inode).or_insert((at, at)).1 = at;
            }
        }
        ends.into_values().flat_map(|(first, last)| [first, last])
    }

    /// The answers of this number, where all of them are counted through.
    pub(super) fn numbered(&self, mut number: u128) -> Vec<u32> {
        self.all_mut(|question| {
            let answers = u128::from(question.answers());
            let answer = number % answers;
            number /= answers;
            answer as u32
        })
    }

    pub(super) fn sampled(&self, random: &mut Random) -> Vec<u32> {
        // A disk that lost one sector of a hundred is as likely as one that kept one.
        let keeps = random.below(9) + 1;
        self.all_mut(|question| {
            if random.below(10) < keeps {
                question.kept()
            } else {
                random.below(u64::from(question.answers())) as u32
            }
        })
    }

    fn all_mut(&self, answer: impl FnMut(Question) -> u32) -> Vec<u32> {
        self.questions.iter().copied().map(answer).collect()
    }

    /// The machine after the reboot.
    pub(super) fn state_after(&self, choices: &[u32]) -> State {
        let answers = Answers::new(&self.questions, choices);
        let mut state = State {
            no_shared_pages: self.state.no_shared_pages,
            ..State::default()
        };
        for (number, dir) in &self.state.dirs {
            let mut current = dir.durable.clone();
            let kept = answers.names.get(number).copied().unwrap_or(0);
            dir.changes
                .iter()
                .take(kept)
                .for_each(|change| change.apply(&mut current));
            let dir = Directory {
                durable: current.clone(),
                current,
                changes: Vec::new(),
            };
            state.dirs.insert(*number, dir);
        }
        for (number, node) in &self.state.nodes {
            let durable = match node.changes.is_empty() {
                true => node.durable.clone(),
                false => {
                    let sizes = answers.sizes.get(number).copied().unwrap_or(0);
                    let seed = self.seed ^ (number << 40);
                    let chosen = |sector| answers.of_sector(*number, sector);
                    Arc::new(node.after_crash(sizes, seed, chosen))
                }
            };
            let node = Node {
                current: durable.clone(),
                durable,
                ..Node::default()
            };
            state.nodes.insert(*number, node);
        }
        let pages = self.state.shared_pages.iter();
        state.shared_pages = pages.map(|(at, page)| (*at, page.copy())).collect();
        state.drop_unreachable();
        state
    }

    pub(super) fn describe(&self, choices: &[u32]) -> String {
        let mut paths = BTreeMap::new();
        self.state.each_file(|path, inode| {
            paths.insert(inode, path);
        });
        let file = |inode: u64| match paths.get(&inode) {
            Some(path) => path.display().to_string(),
            None => format!("inode {inode}"),
        };
        let mut lost = Vec::new();
        for (question, answer) in self.questions.iter().zip(choices) {
            match *question {
                _ if *answer == question.kept() => {}
                Question::Names { dir, changes } => {
                    lost.push(format!("directory {dir}: {answer} of {changes} changes"));
                }
                Question::Size { inode, changes } => {
                    let file = file(inode);
                    lost.push(format!("{file}: {answer} of {changes} changes of size"));
                }
                Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                } => {
                    let file = file(inode);
                    let what = match Sector::chosen(*answer, writes, cut) {
                        Sector::After(answer) => format!("{answer} of {writes} writes"),
                        Sector::Torn(cut) => format!("torn at byte {cut}"),
                        Sector::Garbage => "garbage".to_owned(),
                    };
                    lost.push(format!("{file}, sector {sector}: {what}"));
                }
            }
        }
        if lost.is_empty() {
            "everything kept".to_owned()
        } else {
            lost.join("; ")
        }
    }
}

/// These answers, but for one.
fn with(base: &[u32], at: usize, answer: u32) -> Vec<u32> {
    let mut choices = base.to_vec();
    choices[at] = answer;
    choices
}

/// What was chosen, by what it is about.
#[derive(Default)]
struct Answers {
    /// How many of its changes a directory has.
    names: BTreeMap<u64, usize>,
    /// How many changes of its size a file has.
    sizes: BTreeMap<u64, usize>,
    /// Per file and sector.
    sectors: BTreeMap<(u64, u64), Sector>,
}

impl Answers {
    fn new(questions: &[Question], choices: &[u32]) -> Answers {
        let mut answers = Answers::default();
        for (question, answer) in questions.iter().zip(choices) {
            match *question {
                Question::Names { dir, .. } => {
                    answers.names.insert(dir, *answer as usize);
                }
                Question::Size { inode, .. } => {
                    answers.sizes.insert(inode, *answer as usize);
                }
                Question::Sector {
                    inode,
                    sector,
                    writes,
                    cut,
                } => {
                    let chosen = Sector::chosen(*answer, writes, cut);
                    answers.sectors.insert((inode, sector), chosen);
                }
            }
        }
        answers
    }

    fn of_sector(&self, inode: u64, sector: u64) -> Sector {
        let chosen = self.sectors.get(&(inode, sector));
        chosen.copied().unwrap_or(Sector::After(0))
    }
}
