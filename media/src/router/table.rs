//! The flat tables that the packet path walks: small integers instead of hashing.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) u16);

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self(index as u16)
            }
        }

        impl From<$name> for usize {
            fn from(index: $name) -> Self {
                usize::from(index.0)
            }
        }
    )+};
}

index!(
    /// A Participant in its Router.
    ParticipantIndex,
    TrackIndex,
    EncodingIndex,
    SlotIndex,
);

/// Values that keep their place until removed; places are used again. Indexing
/// with a removed index is an error of ours and panics, as with a slice.
#[derive(Debug)]
pub(crate) struct Table<I, T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
    index: PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            index: PhantomData,
        }
    }
}

impl<I: From<usize> + Into<usize>, T> Table<I, T> {
    pub(crate) fn insert(&mut self, value: T) -> I {
        let at = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            self.entries.len() - 1
        });
        self.entries[at] = Some(value);
        I::from(at)
    }

    pub(crate) fn remove(&mut self, index: I) -> Option<T> {
        let at = index.into();
        let value = self.entries.get_mut(at)?.take()?;
        self.free.push(at);
        Some(value)
    }

    pub(crate) fn get(&self, index: I) -> Option<&T> {
        self.entries.get(index.into())?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: I) -> Option<&mut T> {
        self.entries.get_mut(index.into())?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(at, entry)| Some((I::from(at), entry.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (I, &mut T)> {
        let entries = self.entries.iter_mut().enumerate();
        entries.filter_map(|(at, entry)| Some((I::from(at), entry.as_mut()?)))
    }
}

impl<I: From<usize> + Into<usize>, T> Index<I> for Table<I, T> {
    type Output = T;

    fn index(&self, index: I) -> &T {
        self.get(index).expect("the index is live")
    }
}

impl<I: From<usize> + Into<usize>, T> IndexMut<I> for Table<I, T> {
    fn index_mut(&mut self, index: I) -> &mut T {
        self.get_mut(index).expect("the index is live")
    }
}
