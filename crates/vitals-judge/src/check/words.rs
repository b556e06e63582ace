//! The words of a judgement. They cost more than all the rest of it, and are read now and then.

/// Whether the words of a judgement are wanted: by a snapshot, and by an incident that begins, grows worse or ends.
/// What is healthy and what is bad does not depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Words {
    /// They are.
    Said,
    /// They are not: every text stays empty.
    Left,
}

impl Words {
    /// The sentence, when it is wanted.
    pub(crate) fn say(self, sentence: impl Sentence) -> String {
        match self {
            Self::Said => sentence.write(),
            Self::Left => String::new(),
        }
    }
}

/// What may become a sentence: a fixed one, or one that is written when it is wanted.
pub(crate) trait Sentence {
    /// The sentence.
    fn write(self) -> String;
}

impl Sentence for &str {
    fn write(self) -> String {
        self.to_owned()
    }
}

impl<F: FnOnce() -> String> Sentence for F {
    fn write(self) -> String {
        self()
    }
}
