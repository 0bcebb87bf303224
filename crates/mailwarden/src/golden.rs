//! What tests expect in files: compared, and with `UPDATE_GOLDEN=1` rewritten.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Compares a text with a file of the repository.
pub(crate) fn compare(path: &str, got: &str) {
    let file = in_repository(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, got).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(got == expected, "{path} differs: run scripts/golden\n{got}");
}

/// Compares rows with those of the last table of a page, behind the line that ends in `begin`.
pub(crate) fn compare_table(path: &str, begin: &str, rows: &str) {
    let text = fs::read_to_string(in_repository(path)).unwrap();
    let (before, behind) = text.rsplit_once(begin).unwrap();
    let rest: String = behind.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    compare(path, &format!("{before}{begin}{rows}{rest}"));
}
