//! A set of the fields of one struct, by their index. Never here: what is done to a field.

/// A set of fields, by their index.
#[derive(Clone)]
pub(super) struct FieldSet {
    has: Box<[bool]>,
    any: bool,
}

impl FieldSet {
    pub(super) fn of(count: usize) -> Self {
        FieldSet {
            has: vec![false; count].into(),
            any: false,
        }
    }

    pub(super) fn add(&mut self, index: usize) {
        if let Some(has) = self.has.get_mut(index) {
            *has = true;
            self.any = true;
        }
    }

    pub(super) fn add_all(&mut self) {
        self.has.fill(true);
        self.any = true;
    }

    pub(super) fn add_from(&mut self, other: &FieldSet) {
        if other.any {
            for (has, other) in self.has.iter_mut().zip(&other.has) {
                *has |= other;
            }
            self.any = true;
        }
    }

    pub(super) fn clear(&mut self) {
        if self.any {
            self.has.fill(false);
            self.any = false;
        }
    }

    pub(super) fn contains(&self, index: usize) -> bool {
        self.has.get(index).copied().unwrap_or(false)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let all = if self.any { &self.has[..] } else { &[] };
        all.iter()
            .enumerate()
            .filter_map(|(index, has)| has.then_some(index))
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any
    }
}
