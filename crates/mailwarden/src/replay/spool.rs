//! Finished sessions that wait for one that began before them: in memory as long as they are few, else in
//! temporary files without a name, which the system takes back whatever becomes of us.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use super::tcp::FlowId;

/// What sessions came to, by their number, each to be taken once. What is empty takes no room.
#[derive(Debug)]
pub(super) struct Spool {
    texts: HashMap<FlowId, Box<str>>,
    /// What `texts` takes, and may take.
    held: usize,
    most: usize,
    files: Option<Files>,
}

/// Texts one behind the other, and where each of them is.
#[derive(Debug)]
struct Files {
    texts: File,
    end: u64,
    /// For each session, by number, where its text begins and its length. Where nothing was written there is a
    /// hole, which reads as zeros.
    index: File,
}

// Limit: bytes of memory for sessions that wait.
const HELD_MAX: usize = 8 << 20;

/// What a text takes beside its bytes.
const OVERHEAD: usize = 64;

/// Bytes of an entry of the index.
const ENTRY: u64 = 16;

impl Default for Spool {
    fn default() -> Self {
        Self { texts: HashMap::new(), held: 0, most: HELD_MAX, files: None }
    }
}

impl Spool {
    pub(super) fn put(&mut self, id: FlowId, text: String) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let cost = text.len() + OVERHEAD;
        if self.held + cost <= self.most {
            self.held += cost;
            self.texts.insert(id, text.into());
            return Ok(());
        }
        match &mut self.files {
            Some(files) => files.put(id, &text),
            None => self.files.insert(Files::new()?).put(id, &text),
        }
    }

    pub(super) fn take(&mut self, id: FlowId) -> io::Result<Box<str>> {
        if let Some(text) = self.texts.remove(&id) {
            self.held -= text.len() + OVERHEAD;
            return Ok(text);
        }
        self.files.as_ref().map_or_else(|| Ok(Box::default()), |files| files.take(id))
    }
}

impl Files {
    fn new() -> io::Result<Self> {
        Ok(Self { texts: nameless_file()?, end: 0, index: nameless_file()? })
    }

    fn put(&mut self, id: FlowId, text: &str) -> io::Result<()> {
        let len = text.len() as u64;
        self.texts.write_all_at(text.as_bytes(), self.end)?;
        let mut entry = [0; 2 * size_of::<u64>()];
        let (at, length) = entry.split_at_mut(size_of::<u64>());
        at.copy_from_slice(&self.end.to_ne_bytes());
        length.copy_from_slice(&len.to_ne_bytes());
        self.index.write_all_at(&entry, u64::from(id.0) * ENTRY)?;
        self.end += len;
        Ok(())
    }

    fn take(&self, id: FlowId) -> io::Result<Box<str>> {
        let mut number = [[0; size_of::<u64>()]; 2];
        match self.index.read_exact_at(number.as_flattened_mut(), u64::from(id.0) * ENTRY) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Box::default()),
            read => read?,
        }
        let [at, len] = number.map(u64::from_ne_bytes);
        let mut text = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.texts.read_exact_at(&mut text, at)?;
        String::from_utf8(text).map(String::into_boxed_str).map_err(io::Error::other)
    }
}

/// A temporary file of which only we know: what was recorded is nobody else's business.
fn nameless_file() -> io::Result<File> {
    let folder = std::env::temp_dir();
    for number in 0_u32.. {
        let path = folder.join(format!("mailwarden-replay-{}-{number}", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => {
                let file = opened?;
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_memory_comes_back_from_the_files() {
        let mut spool = Spool { most: 10 * (OVERHEAD + 9), ..Spool::default() };
        let text =
            |number: u32| if number.is_multiple_of(3) { String::new() } else { format!("text {number:04}") };
        for number in (0..1000).rev() {
            spool.put(FlowId(number), text(number)).unwrap();
            assert!(spool.held <= spool.most);
        }
        assert_eq!(spool.texts.len(), 10);
        for number in 0..1000 {
            assert_eq!(*spool.take(FlowId(number)).unwrap(), text(number), "{number}");
        }
        assert_eq!((spool.held, &*spool.take(FlowId(5000)).unwrap()), (0, ""));
        // What was given back is used again.
        spool.put(FlowId(1000), text(1000)).unwrap();
        assert_eq!((spool.texts.len(), &*spool.take(FlowId(1000)).unwrap()), (1, "text 1000"));
    }

    #[test]
    fn a_temporary_file_has_no_name_and_is_ours_alone() {
        use std::os::unix::fs::MetadataExt;
        let metadata = nameless_file().unwrap().metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
    }
}
