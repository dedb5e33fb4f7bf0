use std::cell::RefCell;
use std::io::Write;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// A parts folder with a wheel in it, as a site without network would drop it.
fn site() -> (TempDir, Part) {
    let dir = TempDir::new().unwrap();
    let wheels = dir.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let wheel = wheels.join("tool-1.whl");
    let mut zip = ZipWriter::new(File::create(&wheel).unwrap());
    for (name, mode) in [("tool/bin/run", 0o775), ("tool/share/data.txt", 0o600), ("tool/other.py", 0o644)] {
        let options = SimpleFileOptions::default().unix_permissions(mode);
        zip.start_file(name, options).unwrap();
        zip.write_all(name.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let part = Part {
        name: "tool".into(),
        version: "1".into(),
        file: "tool-1.whl".into(),
        size: fs::metadata(&wheel).unwrap().len(),
        sha256: sha256(&wheel).unwrap(),
        licence: "MIT".into(),
        take: vec!["tool/bin/".into(), "tool/share/data.txt".into()],
        main: "tool/bin/run".into(),
    };
    (dir, part)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_taken_is_unpacked_for_every_user() {
    let (dir, part) = site();
    let folder = ensure(dir.path(), &part, &|_| {}).unwrap();
    assert_eq!(folder, dir.path().join("tool-1"));
    assert_eq!(mode(&folder.join("tool/bin/run")), 0o755);
    assert_eq!(mode(&folder.join("tool/share/data.txt")), 0o644);
    assert_eq!(mode(&folder.join("tool/share")), 0o755);
    assert!(!folder.join("tool/other.py").exists());
}

#[test]
fn an_unpacking_that_was_killed_is_done_again() {
    let (dir, part) = site();
    let partial = dir.path().join("tool-1.partial/tool/bin");
    fs::create_dir_all(&partial).unwrap();
    fs::write(partial.join("run"), "hal").unwrap();
    let said = RefCell::new(0);
    let count = |_: &str| *said.borrow_mut() += 1;
    let folder = ensure(dir.path(), &part, &count).unwrap();
    let content = fs::read_to_string(folder.join("tool/bin/run")).unwrap();
    assert_eq!(content, "tool/bin/run");
    assert!(!dir.path().join("tool-1.partial").exists());
    assert_eq!(said.take(), 1);
    // Now that it is whole, nothing is done.
    ensure(dir.path(), &part, &count).unwrap();
    assert_eq!(said.take(), 0);
}

#[test]
fn a_damaged_wheel_is_refused_and_left_alone() {
    let (dir, part) = site();
    let wheel = dir.path().join("wheels/tool-1.whl");
    let mut bytes = fs::read(&wheel).unwrap();
    bytes[40] ^= 1;
    fs::write(&wheel, &bytes).unwrap();
    let error = ensure(dir.path(), &part, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("tool-1.whl is not the file"));
    bytes.pop();
    fs::write(&wheel, &bytes).unwrap();
    let error = ensure(dir.path(), &part, &|_| {}).unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    assert!(wheel.exists());
    assert!(!dir.path().join("tool-1").exists());
}

#[test]
fn a_wheel_without_its_main_file_is_refused() {
    let (dir, mut part) = site();
    part.main = "tool/bin/elsewhere".into();
    let error = ensure(dir.path(), &part, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(!dir.path().join("tool-1").exists());
}

#[test]
fn a_long_complaint_is_cut_to_its_end() {
    let long = "ệ".repeat(1000) + "\nthe reason ";
    let cut = tail(&long);
    assert!(cut.len() <= REASON_LIMIT && cut.ends_with("ệ the reason"));
    assert_eq!(tail("  "), "");
}
