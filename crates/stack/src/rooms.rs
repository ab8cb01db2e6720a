//! What protocols keep under one lock, each in a room of its own: whoever keeps the rooms need not know who lives there.

use std::any::Any;

/// Rooms by the type of what is in them.
#[derive(Default)]
pub(crate) struct Rooms(Vec<Box<dyn Any + Send>>);

impl Rooms {
    /// Puts something in before anybody has asked for it.
    pub(crate) fn put<T: Send + 'static>(&mut self, what: T) {
        self.0.push(Box::new(what));
    }

    /// What is kept by this type; empty at first.
    pub(crate) fn of<T: Default + Send + 'static>(&mut self) -> &mut T {
        let at = self.0.iter().position(|room| room.is::<T>()).unwrap_or_else(|| {
            self.0.push(Box::<T>::default());
            self.0.len() - 1
        });
        match self.0[at].downcast_mut() {
            Some(room) => room,
            None => unreachable!("it was found by its type"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_one_room_that_is_empty_at_first() {
        let mut rooms = Rooms::default();
        rooms.of::<Vec<u8>>().push(1);
        rooms.of::<String>().push('a');
        rooms.of::<Vec<u8>>().push(2);
        assert_eq!(rooms.of::<Vec<u8>>(), &[1, 2]);
        assert_eq!(rooms.of::<String>(), "a");
        assert_eq!((*rooms.of::<u32>(), rooms.0.len()), (0, 3));
    }
}
