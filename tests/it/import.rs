//! A store that begins with what another program left: typed, once, in one commit, and nothing is left out in silence.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use worsen::{
    ErrorKind, Import, Map, PersistentStore, Queue, Store, testing, testing::SimulatedDisk,
};

use crate::support::{Worker, folder};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Window {
    width: u32,
    height: u32,
}

#[derive(Store)]
#[store(name = "settings", rename_all = "camelCase")]
struct Settings {
    #[store(seed = 11, range = 6..=72)]
    font_size: u32,
    #[store(seed = "light".to_owned())]
    theme: String,
    #[store(seed = Window { width: 800, height: 600 })]
    window: Window,
    recent: Queue<String>,
    accounts: Map<String, u64>,
}

fn begin(dir: &Path, from: Import) -> worsen::Result<SettingsStore> {
    Settings::builder().dir(dir).import_once(from).open()
}

/// What was left out, by its keys.
fn left_out(store: &SettingsStore) -> Vec<&str> {
    let imported = store.imported().expect("it was imported");
    imported
        .left_out()
        .iter()
        .map(|left_out| left_out.key())
        .collect()
}

const JSON: &str = r#"{
	"fontSize": 14,
	"window": { "width": 1024, "height": 768, "x": 3 },
	"recent": ["b.txt", "a.txt"],
	"accounts": { "Ada": 36, "Alan": 41 },
	"zoomLevel": 2,
	"__internal__": { "migrations": { "version": "1.2.3" } }
}"#;

#[test]
fn an_empty_store_begins_with_what_another_program_left_in_one_commit() {
    let folder = folder();
    let old = folder.path().join("config.json");
    fs::write(&old, JSON).unwrap();
    let store = begin(&folder.path().join("db"), Import::json(&old)).unwrap();
    assert_eq!(store.font_size(), 14);
    assert_eq!(store.theme(), "light", "what it lacks begins with its seed");
    assert_eq!(
        store.window(),
        Window {
            width: 1024,
            height: 768
        }
    );
    assert!(store.recent().iter().eq(["b.txt", "a.txt"]));
    assert_eq!(store.accounts().get("Alan"), Some(&41));
    assert_eq!(store.revision(), 1);
    assert!(store.was_created());
    let imported = store.imported().unwrap();
    assert_eq!(imported.source(), Some(&*old));
    assert_eq!(
        imported.uids(),
        ["fontSize", "window", "recent", "accounts"]
    );
    assert_eq!(left_out(&store), ["zoomLevel", "__internal__"]);
    let told = imported.to_string();
    assert!(
        told.contains("`zoomLevel`: no field has this uid"),
        "{told}"
    );
    assert!(told.contains("electron-store"), "{told}");
    assert_eq!(
        fs::read_to_string(&old).unwrap(),
        JSON,
        "it stays as it was"
    );
}

#[test]
fn a_store_that_holds_anything_takes_nothing_in() {
    let folder = folder();
    let (old, dir) = (folder.path().join("config.json"), folder.path().join("db"));
    drop(Settings::builder().dir(&dir).open().unwrap());
    fs::write(&old, JSON).unwrap();
    let store = begin(&dir, Import::json(&old)).unwrap();
    assert_eq!((store.font_size(), store.revision()), (11, 1));
    assert!(store.imported().is_none());
    store.set_font_size(20).wait().unwrap();
    drop(store);
    // Not even a source that cannot be read is looked at.
    fs::write(&old, "{").unwrap();
    assert_eq!(begin(&dir, Import::json(&old)).unwrap().font_size(), 20);
}

#[test]
fn a_source_that_is_not_there_is_told_and_the_store_begins_with_its_seeds() {
    let folder = folder();
    let nowhere = folder.path().join("no/such/config.json");
    let store = begin(&folder.path().join("db"), Import::json(nowhere)).unwrap();
    assert_eq!(store.font_size(), 11);
    let imported = store.imported().unwrap();
    assert_eq!(imported.source(), None);
    assert!(imported.uids().is_empty() && imported.left_out().is_empty());
    assert!(
        imported.to_string().contains("nothing to import"),
        "{imported}"
    );
}

#[test]
fn the_first_source_that_is_there_counts() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("second.json"), r#"{"theme": "second"}"#).unwrap();
    fs::write(path("third.json"), r#"{"theme": "third", "fontSize": 20}"#).unwrap();
    let sources = ["first.json", "second.json", "third.json"];
    let builder = Settings::builder().dir(path("db"));
    let builder = sources.into_iter().fold(builder, |builder, name| {
        builder.import_once(Import::json(path(name)))
    });
    let store = builder.open().unwrap();
    assert_eq!((&*store.theme(), store.font_size()), ("second", 11));
}

#[test]
fn a_source_that_is_damaged_is_an_error_and_the_store_stays_empty() {
    let folder = folder();
    let (old, dir) = (folder.path().join("config.json"), folder.path().join("db"));
    for wrong in [
        &JSON.as_bytes()[..50],
        b"",
        b"[1, 2]",
        b"\xff\xfe",
        b"{} {}",
    ] {
        fs::write(&old, wrong).unwrap();
        let error = begin(&dir, Import::json(&old)).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert_eq!(error.path_in_question(), Some(&*old), "{error}");
        let any = PersistentStore::<serde_json::Value>::builder("settings")
            .dir(&dir)
            .open();
        assert!(any.unwrap().is_empty(), "{error}");
    }
    fs::remove_file(&old).unwrap();
    fs::create_dir(&old).unwrap();
    let error = begin(&dir, Import::json(&old)).map(|_| ()).unwrap_err();
    assert_eq!(error.path_in_question(), Some(&*old), "{error}");
    // Once it is put right, the next opening takes it in.
    fs::remove_dir(&old).unwrap();
    fs::write(&old, format!("\u{feff}{JSON}")).unwrap();
    assert_eq!(begin(&dir, Import::json(&old)).unwrap().font_size(), 14);
}

#[test]
fn what_does_not_fit_is_left_out_and_the_rest_is_taken() {
    let folder = folder();
    let old = folder.path().join("config.json");
    let json =
        r#"{"fontSize": 200, "theme": 7, "accounts": {"Ada": 1, "Alan": -1}, "recent": ["x"]}"#;
    fs::write(&old, json).unwrap();
    let store = begin(&folder.path().join("db"), Import::json(&old)).unwrap();
    assert_eq!((store.font_size(), &*store.theme()), (11, "light"));
    assert!(store.accounts().is_empty());
    assert_eq!(store.recent().len(), 1);
    assert_eq!(left_out(&store), ["fontSize", "theme", "accounts/Alan"]);
    let told = store.imported().unwrap().to_string();
    for word in ["6..=72", "`theme`: the value `7` does not decode as"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn a_keyed_store_takes_each_member_under_its_own_name() {
    let folder = folder();
    let old = folder.path().join("flags.json");
    fs::write(
        &old,
        r#"{"AppInit": false, "AppErrors": true, "Count": 3, "": true}"#,
    )
    .unwrap();
    let open = || {
        PersistentStore::<bool>::builder("flags")
            .dir(folder.path().join("db"))
            .import_once(Import::json(&old))
            .open()
            .unwrap()
    };
    let store = open();
    assert_eq!(store.read("AppInit"), Some(false));
    assert_eq!((store.len(), store.revision()), (2, 1));
    let imported = store.imported().unwrap();
    assert_eq!(imported.uids(), ["AppInit", "AppErrors"]);
    assert_eq!(imported.left_out().len(), 2, "{imported}");
    // It is not empty, so it takes no seeds.
    let seeds = [("AppInit", true), ("AppNew", true)];
    store
        .init(std::time::Duration::from_secs(5), seeds)
        .unwrap();
    assert_eq!(
        (store.read("AppInit"), store.read("AppNew")),
        (Some(false), None)
    );
    drop(store);
    assert!(open().imported().is_none());
}

#[test]
fn tables_of_toml_are_sections_and_maps() {
    let folder = folder();
    let old = folder.path().join("default-config.toml");
    let toml = "fontSize = 9\ntheme = 'dark'\nopacity = nan\n[window]\nwidth = 1\nheight = 2\n[accounts]\nAda = 36\n";
    fs::write(&old, toml).unwrap();
    let store = begin(&folder.path().join("db"), Import::toml(&old)).unwrap();
    assert_eq!((store.font_size(), &*store.theme()), (9, "dark"));
    assert_eq!(
        store.window(),
        Window {
            width: 1,
            height: 2
        }
    );
    assert_eq!(store.accounts().get("Ada"), Some(&36));
    assert_eq!(left_out(&store), ["opacity"]);
    fs::write(&old, "fontSize = ").unwrap();
    let error = begin(&folder.path().join("other"), Import::toml(&old)).map(|_| ());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Decode);
}

/// Where `confy::load("My App", None)` keeps it: version 2, then version 1, then version 0.4.
#[cfg(target_os = "linux")]
#[test]
fn what_confy_kept_is_found_where_each_of_its_versions_kept_it() {
    let folder = folder();
    let home = folder.path().join("home");
    let places = [
        "my-app/default-config.toml",
        "myapp/default-config.toml",
        "myapp/My App.toml",
    ];
    for (number, place) in places.into_iter().enumerate().rev() {
        let path = home.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("count = {}\n", number + 1)).unwrap();
        let dir = folder.path().join(number.to_string());
        let output = Command::new(env!("CARGO_BIN_EXE_worker"))
            .args(["import-confy".as_ref(), dir.as_os_str()])
            .env("XDG_CONFIG_HOME", &home)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(
            told,
            format!("{} {}\n", number + 1, path.display()),
            "{output:?}"
        );
    }
    let other = Import::confy("My App", "other").paths().unwrap().to_vec();
    assert!(
        other.iter().all(|path| path.ends_with("other.toml")),
        "{other:?}"
    );
}

#[test]
fn the_stores_of_electron_and_tauri_are_looked_for_where_these_keep_them() {
    let ends = |import: Import, end: &str| {
        let paths = import.paths().unwrap().to_vec();
        assert!(paths.len() == 1 && paths[0].ends_with(end), "{paths:?}");
    };
    ends(Import::electron_store("My App"), "My App/config.json");
    ends(
        Import::tauri_store("org.example.notes", "store.json"),
        "org.example.notes/store.json",
    );
}

/// The bytes of a store of the worsen of Node.
fn deflated(json: &str) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(json.as_bytes(), 6)
}

#[test]
fn a_store_of_the_worsen_of_node_is_taken_over() {
    let folder = folder();
    let dir = |number: u8| folder.path().join(number.to_string());
    let old = folder.path().join("worsen.store.db");
    let json = r#"{"app_state":{},"data":{"fontSize":14,"theme":"dark","other":{}}}"#;
    fs::write(&old, deflated(json)).unwrap();
    let store = begin(&dir(1), Import::original(&old)).unwrap();
    assert_eq!((store.font_size(), &*store.theme()), (14, "dark"));
    assert_eq!(left_out(&store), ["other"]);

    // What a crash has cut off has an older copy beside it.
    let cache = folder.path().join("worsen.cache.store.db");
    fs::write(&cache, deflated(&json.replace("14", "13"))).unwrap();
    fs::write(&old, &deflated(json)[..30]).unwrap();
    let store = begin(&dir(2), Import::original(&old)).unwrap();
    assert_eq!(store.font_size(), 13);
    assert_eq!(left_out(&store), [&*old.display().to_string(), "other"]);
    fs::remove_file(&cache).unwrap();
    for wrong in [
        &deflated(json)[..30],
        &deflated("{}"),
        &deflated("[]"),
        json.as_bytes(),
        b"",
    ] {
        fs::write(&old, wrong).unwrap();
        let error = begin(&dir(3), Import::original(&old))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
    let kept = r#"{"app_state":{"started":"yes"},"data":{}}"#;
    let short = folder.path().join("short.db");
    fs::write(&short, deflated(kept)).unwrap();
    let store = begin(&dir(4), Import::original(&short)).unwrap();
    assert_eq!(left_out(&store), ["app_state"]);
}

#[test]
fn a_store_that_node_wrote_is_read() {
    let folder = folder();
    let old = folder.path().join("flags.store.db");
    let script = "const {deflateSync} = require('zlib');
        require('fs').writeFileSync(process.argv[1], deflateSync(JSON.stringify(
            {app_state: {}, data: {AppInit: true, AppErrors: false}})))";
    let wrote = Command::new("node").args(["-e", script]).arg(&old).status();
    if !wrote.is_ok_and(|status| status.success()) {
        println!("skipped: `node` cannot be run");
        return;
    }
    let store = PersistentStore::<bool>::builder("flags")
        .dir(folder.path().join("db"))
        .import_once(Import::original(&old))
        .open()
        .unwrap();
    let all: BTreeMap<String, bool> = store.iter().collect();
    assert!(
        all.into_iter()
            .eq([("AppErrors".into(), false), ("AppInit".into(), true)])
    );
}

#[test]
fn a_small_file_that_inflates_without_end_is_an_error() {
    let folder = folder();
    let old = folder.path().join("bomb.db");
    fs::write(&old, deflated(&" ".repeat(300 << 20))).unwrap();
    let error = begin(&folder.path().join("db"), Import::original(&old)).map(|_| ());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn a_power_cut_within_an_import_leaves_nothing_of_it_or_all() {
    let program = |disk: &SimulatedDisk| {
        if disk.read_file("/old/config.json").is_none() {
            disk.write_file("/old/config.json", JSON);
        }
        let builder = Settings::builder().on(disk).dir("/db");
        let store = builder
            .import_once(Import::json("/old/config.json"))
            .open()?;
        Ok::<_, worsen::Error>((store.font_size(), store.accounts().len()))
    };
    let mut looked_at = 0;
    for crash in testing::crashes(program) {
        for disk in crash.left_by_power_cut().take(50) {
            looked_at += 1;
            assert_eq!(program(&disk).unwrap(), (14, 2), "{crash}");
            let store = Settings::builder().on(&disk).dir("/db").open().unwrap();
            assert_eq!(store.revision(), 1, "{crash}");
        }
    }
    println!("{looked_at} disks");
    assert!(looked_at > 50);
}

#[test]
fn of_processes_that_begin_at_once_one_imports() {
    let folder = folder();
    let home = folder.path().join("home/my-app");
    fs::create_dir_all(&home).unwrap();
    let dir = folder.path().join("db");
    let old = home.join("default-config.toml");
    fs::write(&old, "count = 7\n").unwrap();
    let mut workers: Vec<Worker> = (0..4)
        .map(|_| Worker::start("import-toml", &dir, &[old.to_str().unwrap()]))
        .collect();
    let told: Vec<String> = workers.iter_mut().filter_map(Worker::line).collect();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|told| told.starts_with("7 ")), "{told:?}");
    let imported = told.iter().filter(|told| told.ends_with(".toml")).count();
    assert_eq!(imported, 1, "{told:?}");
    drop(workers);
}
