//! The structure of a message: its header, its parts at any depth, their types and their text.
