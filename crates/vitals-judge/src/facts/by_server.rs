//! What is known of each server, by its name. Servers are asked for in the order of their names again and again: most
//! often the one that is wanted stands where the last one did, or next to it.

use std::cell::Cell;

use vitals_model::text::Text;

/// Where the server that was last asked for stands among others.
#[derive(Clone, Debug, Default)]
pub(super) struct Place(Cell<usize>);

impl Place {
    /// Where the first of this name stands among `len`, which are in the order of their names: `name` gives them by place.
    pub(super) fn of<'a>(&self, len: usize, name: impl Fn(usize) -> Option<&'a Text>, server: &Text) -> Option<usize> {
        let is_first = |n: &usize| *n < len && name(*n) == Some(server) && (*n == 0 || name(*n - 1) != Some(server));
        let searched = || {
            let (mut from, mut to) = (0, len);
            while from < to {
                let middle = from.midpoint(to);
                (from, to) = if name(middle) < Some(server) { (middle + 1, to) } else { (from, middle) };
            }
            Some(from).filter(is_first)
        };
        let last = self.0.get();
        let found = [last, last + 1].into_iter().find(is_first).or_else(searched)?;
        self.0.set(found);
        Some(found)
    }
}

/// Something of each server.
#[derive(Clone, Debug)]
pub struct ByServer<T> {
    all: Vec<(Text, T)>,
    place: Place,
}

impl<T> Default for ByServer<T> {
    fn default() -> Self {
        Self { all: Vec::new(), place: Place::default() }
    }
}

impl<T> ByServer<T> {
    fn find(&self, server: &Text) -> Option<usize> {
        self.place.of(self.all.len(), |n| Some(&self.all[n].0), server)
    }

    /// That of one server.
    pub fn get(&self, server: &Text) -> Option<&T> {
        self.find(server).map(|n| &self.all[n].1)
    }

    /// Whether there is any of this server.
    pub fn has(&self, server: &Text) -> bool {
        self.find(server).is_some()
    }

    /// That of one server, made when there is none.
    pub(super) fn get_or(&mut self, server: &Text, make: impl FnOnce() -> T) -> &mut T {
        let n = self.find(server).unwrap_or_else(|| {
            let n = self.all.partition_point(|(name, _)| name < server);
            self.all.insert(n, (server.clone(), make()));
            n
        });
        &mut self.all[n].1
    }

    /// Puts that of one server in the place of what there was.
    pub(crate) fn put(&mut self, server: &Text, one: T) {
        match self.find(server) {
            Some(n) => self.all[n].1 = one,
            None => _ = self.get_or(server, || one),
        }
    }

    /// Takes that of one server out.
    pub(super) fn take(&mut self, server: &Text) -> Option<T> {
        self.find(server).map(|n| self.all.remove(n).1)
    }

    /// Keeps those of some servers.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Text) -> bool) {
        self.all.retain(|(name, _)| is_kept(name));
    }

    /// How many servers there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All, in the order of their servers' names.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &T)> {
        self.all.iter().map(|(name, one)| (name, one))
    }

    /// The same without the names.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.all.iter().map(|(_, one)| one)
    }

    /// The same, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut().map(|(_, one)| one)
    }

    /// All of them.
    pub(crate) fn into_all(self) -> Vec<(Text, T)> {
        self.all
    }
}

/// The later of two of one server counts.
impl<T> FromIterator<(Text, T)> for ByServer<T> {
    fn from_iter<I: IntoIterator<Item = (Text, T)>>(all: I) -> Self {
        let mut by_server = Self::default();
        all.into_iter().for_each(|(server, one)| by_server.put(&server, one));
        by_server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_found_in_whatever_order() {
        let names = ["b", "a", "d", "c", "a/b", "a"].map(Text::new);
        let by_server: ByServer<usize> = names.iter().cloned().zip(0..).collect();
        let expected = [("a", 5), ("a/b", 4), ("b", 0), ("c", 3), ("d", 2)].map(|(name, n)| (Text::new(name), n));
        assert!(by_server.iter().eq(expected.iter().map(|(name, n)| (name, n))));
        for (first, n) in &expected {
            for (second, m) in &expected {
                assert_eq!((by_server.get(first), by_server.get(second)), (Some(n), Some(m)), "{first}, then {second}");
                assert_eq!(by_server.get(&Text::new("bb")), None);
            }
        }
    }

    #[test]
    fn of_two_of_one_name_the_first_is_found_wherever_the_last_one_stood() {
        let all = ["a", "b", "b", "c"].map(Text::new);
        for last in 0..5 {
            let place = Place(Cell::new(last));
            assert_eq!(place.of(all.len(), |n| Some(&all[n]), &all[1]), Some(1), "after {last}");
        }
    }
}
