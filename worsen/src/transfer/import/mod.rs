//! Moving in: where another program kept what a new store begins with ([`Import`]), as one JSON object. Never here:
//! which field takes a member of it, which the stores of the floor below know.

#[cfg(feature = "import")]
mod original;
#[cfg(feature = "import")]
mod toml;

use std::{
    io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
#[cfg(feature = "import")]
use etcetera::{AppStrategy, AppStrategyArgs, app_strategy};

use crate::{
    backend::file::disk::{Disk, Open, transfer::read_whole},
    error::{self, Error},
    imported::LeftOut,
};

/// More than that is no state of a program that is to be one commit.
const LONGEST_BYTES: u64 = 256 * 1024 * 1024;

/// Where another program, or another version of this one, kept what a new store begins with: see
/// [`Builder::import_once`](crate::Builder::import_once).
///
/// | what | names | feature |
/// | --- | --- | --- |
/// | a JSON file | [`Import::json`] | |
/// | electron-store | [`Import::electron_store`] | |
/// | tauri-plugin-store | [`Import::tauri_store`] | |
/// | a TOML file | `Import::toml` | `import` |
/// | confy, 0.4 to 2.0 | `Import::confy` | `import` |
/// | the worsen of Node | `Import::original` | `import` |
///
/// The file is read, and never changed.
#[derive(Debug, Clone)]
pub struct Import {
    format: Format,
    /// The first that is there counts.
    paths: Result<Vec<PathBuf>, Error>,
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Json,
    #[cfg(feature = "import")]
    Toml,
    #[cfg(feature = "import")]
    Original,
}

/// What a source holds: one JSON object.
pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) json: String,
    /// What is no part of it.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Import {
    /// A file that holds one JSON object. Its members are the uids of the store; an object for a section of the
    /// struct, such as `network`, holds those below it.
    pub fn json(path: impl Into<PathBuf>) -> Import {
        Import::of(Format::Json, Ok(vec![path.into()]))
    }

    /// What [electron-store](https://github.com/sindresorhus/electron-store) keeps for the program of this name, in
    /// `config.json` of its `userData`: `~/.config/<name>` on Linux, `~/Library/Application Support/<name>` on
    /// macOS, `%APPDATA%\<name>` on Windows. A file that was encrypted cannot be read.
    ///
    /// For a store of another name or place use [`Import::json`].
    pub fn electron_store(application: &str) -> Import {
        let dir = base_dir(|base| match cfg!(any(windows, target_os = "macos")) {
            true => base.data_dir(),
            false => base.config_dir(),
        });
        let path = |dir: PathBuf| vec![dir.join(application).join("config.json")];
        Import::of(Format::Json, dir.map(path))
    }

    /// What [tauri-plugin-store](https://github.com/tauri-apps/plugins-workspace) keeps in this file, such as
    /// `store.json`, for the program of this identifier: in `~/.local/share/<identifier>` on Linux, `~/Library/Application
    /// Support/<identifier>` on macOS, `%APPDATA%\<identifier>` on Windows.
    pub fn tauri_store(identifier: &str, file: &str) -> Import {
        let dir = base_dir(|base| base.data_dir());
        let path = |dir: PathBuf| vec![dir.join(identifier).join(file)];
        Import::of(Format::Json, dir.map(path))
    }

    /// A TOML file. Dates and times are strings, as most types read them. Needs the feature `import`.
    #[cfg(feature = "import")]
    pub fn toml(path: impl Into<PathBuf>) -> Import {
        Import::of(Format::Toml, Ok(vec![path.into()]))
    }

    /// What [confy](https://docs.rs/confy) keeps as TOML, by the arguments of `confy::load`: in the folders of its
    /// version 2, by either strategy, or else in those of its earlier versions. Needs the feature `import`.
    #[cfg(feature = "import")]
    pub fn confy<'a>(application: &str, config: impl Into<Option<&'a str>>) -> Import {
        Import::of(Format::Toml, confy_paths(application, config.into()))
    }

    /// A store of the worsen of Node: its `<name>.store.db`, or `<name>.db`. Where that was cut off by a crash, the
    /// copy that is kept beside it is read. Needs the feature `import`.
    #[cfg(feature = "import")]
    pub fn original(path: impl Into<PathBuf>) -> Import {
        Import::of(Format::Original, Ok(vec![path.into()]))
    }

    fn of(format: Format, paths: Result<Vec<PathBuf>, Error>) -> Import {
        Import { format, paths }
    }

    /// Where it may be, in the order in which it is looked for.
    ///
    /// # Errors
    ///
    /// Of kind [`Directory`](crate::ErrorKind::Directory) where the user has no home directory.
    ///
    /// ```
    /// use worsen::Import;
    ///
    /// let paths = Import::json("old/settings.json").paths()?.to_vec();
    /// assert_eq!(paths, [std::path::PathBuf::from("old/settings.json")]);
    /// # Ok::<(), worsen::Error>(())
    /// ```
    pub fn paths(&self) -> Result<&[PathBuf], Error> {
        self.paths.as_deref().map_err(Clone::clone)
    }

    /// Reads the first of its files that is there. `None`: none is.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what it was said to be.
    pub(crate) fn read(&self, disk: &dyn Disk) -> Result<Option<Document>, Error> {
        for path in self.paths()? {
            let Some(bytes) = read(disk, path)? else {
                continue;
            };
            let (json, left_out) = match self.format {
                Format::Json => (text(path, bytes)?, Vec::new()),
                #[cfg(feature = "import")]
                Format::Toml => toml::to_json(path, &text(path, bytes)?)?,
                #[cfg(feature = "import")]
                Format::Original => original::to_json(disk, path, &bytes)?,
            };
            return Ok(Some(Document {
                path: path.clone(),
                json,
                left_out,
            }));
        }
        Ok(None)
    }
}

/// A folder of the platform.
fn base_dir(which: impl FnOnce(&dyn BaseStrategy) -> PathBuf) -> Result<PathBuf, Error> {
    let base = etcetera::base_strategy::choose_native_strategy();
    let base = base.map_err(error::transfer::no_place_to_import_from)?;
    Ok(which(&base))
}

/// Where the versions of confy keep a configuration, the newest first.
#[cfg(feature = "import")]
fn confy_paths(application: &str, config: Option<&str>) -> Result<Vec<PathBuf>, Error> {
    let arguments = || AppStrategyArgs {
        top_level_domain: "rs".into(),
        author: String::new(),
        app_name: application.into(),
    };
    let no_home = |error| error::transfer::no_place_to_import_from(error);
    let app = app_strategy::choose_app_strategy(arguments()).map_err(no_home)?;
    let native = app_strategy::choose_native_strategy(arguments()).map_err(no_home)?;
    let before = match cfg!(target_os = "macos") {
        true => {
            let bundle = format!("rs.{}", application.replace(' ', "-"));
            base_dir(|base| base.data_dir())?.join(bundle)
        }
        false if cfg!(windows) => native.config_dir(),
        false => {
            // The crate that confy asked then leaves blanks out.
            let name = application.trim().to_lowercase().replace(' ', "");
            base_dir(|base| base.config_dir())?.join(name)
        }
    };
    let file = format!("{}.toml", config.unwrap_or("default-config"));
    let mut paths = vec![
        app.config_dir().join(&file),
        native.config_dir().join(&file),
        before.join(&file),
    ];
    if config.is_none() {
        // Of confy 0.4.
        paths.push(before.join(format!("{application}.toml")));
    }
    let mut known = std::collections::HashSet::new();
    paths.retain(|path| known.insert(path.clone()));
    Ok(paths)
}

/// The bytes of a file; `None` where there is none.
fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let unreadable = |error| error::transfer::source_unreadable(path, error);
    let file = match disk.open(path, Open::Read) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let length = file.len().map_err(unreadable)?;
    if length > LONGEST_BYTES {
        return Err(error::transfer::source_too_large(path, LONGEST_BYTES));
    }
    read_whole(&*file).map(Some).map_err(unreadable)
}

/// Whether there is no such file, also because a directory above it is missing.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Text, without the mark that some editors put in front of it.
fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Error> {
    let text = String::from_utf8(bytes)
        .map_err(|error| error::transfer::source_is_not(path, "text", error))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}
