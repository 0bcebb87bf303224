//! A short run of a fuzzing body over inputs that its own generator makes.

use std::fs;
use std::path::PathBuf;

use fastrand::Rng;

/// Runs `body` over `count` inputs, made from the seeds 0, 1, 2 and so on; a failure names its seed.
///
/// `MAILWARDEN_FUZZ_SEEDS` names a folder into which the inputs are written in place of being run, and
/// `MAILWARDEN_FUZZ_INPUT` an input to run in place of them: one that libFuzzer found.
pub(crate) fn run(count: u64, generate: impl Fn(&mut Rng) -> Vec<u8>, body: impl Fn(&[u8])) {
    if let Some(file) = std::env::var_os("MAILWARDEN_FUZZ_INPUT") {
        return body(&fs::read(file).unwrap());
    }
    let folder = std::env::var_os("MAILWARDEN_FUZZ_SEEDS").map(PathBuf::from);
    for seed in 0..count {
        let input = generate(&mut Rng::with_seed(seed));
        if let Some(folder) = &folder {
            fs::write(folder.join(format!("generated-{seed}")), input).unwrap();
            continue;
        }
        let _named = Named(seed);
        body(&input);
    }
}

/// Names the seed when the run of it panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}
