//! siding-lockorder
