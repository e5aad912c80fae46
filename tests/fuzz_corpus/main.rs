//! Every input that fuzzing kept, once more: hand-made seeds, what discovered new code, what broke something.
//!
//! Needs neither libFuzzer nor instrumentation. `UPDATE_SEEDS=1` writes the hand-made seeds that are missing.

mod records;
mod seeds;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tests::fuzzing::TARGETS;
use tests::repository;

/// Where inputs lie, each in the directory of its target: made by hand, found by a run, found to break something.
const KINDS: [&str; 3] = ["seeds", "corpus", "regressions"];

/// The most bytes of all that is kept: a corpus is minimised before it is committed.
const KEPT_BYTES_MAX: u64 = 1 << 20;

#[test]
fn no_input_that_was_kept_breaks_its_target() {
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        write_seeds();
    }
    let mut broken = Vec::new();
    for target in TARGETS {
        for path in KINDS.iter().flat_map(|kind| files(&fuzz().join(kind).join(target.name))) {
            let bytes = fs::read(&path).expect("an input is read");
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
                broken.push(path.display().to_string());
            }
        }
    }
    assert!(broken.is_empty(), "inputs that break their target:\n  {}", broken.join("\n  "));
}

#[test]
fn every_target_has_seeds_and_a_shim_and_nobody_else_has() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(targets.len(), TARGETS.len(), "two targets have one name");
    let shims = names(&fuzz().join("fuzz_targets"), ".rs");
    assert_eq!(shims, targets, "shims in tests/fuzz/fuzz_targets and targets");
    for target in TARGETS {
        let shim = fuzz().join("fuzz_targets").join(target.name).with_extension("rs");
        let text = fs::read_to_string(shim).expect("a shim is read");
        assert!(text.contains(&format!("tests::fuzzing::{}(bytes)", target.name)), "{}", target.name);
    }
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    let programs: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| {
            line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\"").map(str::to_owned)
        })
        .collect();
    assert_eq!(programs, targets, "programs in tests/fuzz/Cargo.toml and targets");
    assert_eq!(names(&fuzz().join("seeds"), ""), targets, "directories of seeds and targets");
    for kind in KINDS {
        assert!(names(&fuzz().join(kind), "").is_subset(&targets), "{kind} of no target");
    }
}

#[test]
fn the_seeds_that_are_kept_are_those_that_are_made() {
    let made: BTreeSet<PathBuf> =
        seeds::all().into_iter().map(|seed| Path::new(seed.target).join(seed.name)).collect();
    let root = fuzz().join("seeds");
    let kept: BTreeSet<PathBuf> = TARGETS
        .iter()
        .flat_map(|target| files(&root.join(target.name)))
        .filter_map(|path| path.strip_prefix(&root).ok().map(Path::to_path_buf))
        .collect();
    assert_eq!(
        kept, made,
        "UPDATE_SEEDS=1 cargo nextest run -p tests --test fuzz_corpus writes those that are missing"
    );
}

#[test]
fn what_is_kept_stays_small() {
    let length = |path: &PathBuf| fs::metadata(path).expect("an input is there").len();
    let kept = KINDS.iter().flat_map(|kind| TARGETS.iter().map(move |t| fuzz().join(kind).join(t.name)));
    let bytes: u64 = kept.flat_map(|directory| files(&directory)).map(|path| length(&path)).sum();
    assert!(bytes <= KEPT_BYTES_MAX, "{bytes} bytes are kept, {KEPT_BYTES_MAX} may be: minimise the corpus");
}

fn write_seeds() {
    let root = fuzz().join("seeds");
    for seed in seeds::all() {
        let directory = root.join(seed.target);
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join(seed.name);
        if !path.exists() {
            fs::write(path, seed.bytes).expect("a seed is written");
        }
    }
}

fn fuzz() -> PathBuf {
    repository::root().join("tests/fuzz")
}

/// Lists the files of a directory; none when it is not there.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn names(directory: &Path, end: &str) -> BTreeSet<String> {
    let files = files(directory).into_iter();
    files.filter_map(|path| path.file_name()?.to_str()?.strip_suffix(end).map(str::to_owned)).collect()
}
