//! The platform whose language a file is written in: it chooses the command tree and the reading of masks.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    Ios,
    Asa,
}
