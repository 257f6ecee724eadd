//! Where the platform wants a program to keep its data and its settings:
//! `#[store(dir = app("com", "Example", "Notes"))]`, and `config(...)`.
//!
//! Only the path is found here. Nothing is created, opened or looked at.

use std::path::PathBuf;

use etcetera::{AppStrategy, AppStrategyArgs, app_strategy::choose_native_strategy};

use crate::error::{self, Error};

/// The folder for the data of one program of this user, which `dir = app(...)` names too:
/// `$XDG_DATA_HOME/notes` (by default `~/.local/share/notes`) on Linux, `~/Library/Application
/// Support/com.Example.Notes` on macOS, `%APPDATA%\Example\Notes\data` on Windows.
///
/// A store that is opened there by [`Builder::dir`](crate::Builder::dir) wants
/// [`create_parents`](crate::Builder::create_parents) too: on a new machine the folders above it are
/// missing as well.
///
/// ```
/// # fn main() -> Result<(), worsen::Error> {
/// # if std::env::var_os("HOME").is_none() { return Ok(()); }
/// let dir = worsen::app_dir("com", "Example", "Notes")?;
/// println!("the notes are in {}", dir.display());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`ErrorKind::Directory`](crate::ErrorKind::Directory) where the user has no home directory, as some services have none.
pub fn app_dir(qualifier: &str, organization: &str, application: &str) -> Result<PathBuf, Error> {
    let strategy = choose_native_strategy(args(qualifier, organization, application));
    match strategy {
        Ok(strategy) => Ok(strategy.data_dir()),
        Err(error) => Err(error::open::no_app_folder("data", application, error)),
    }
}

/// The folder for the settings of one program of this user, which `dir = config(...)` names too:
/// `$XDG_CONFIG_HOME/notes` (by default `~/.config/notes`) on Linux, `%APPDATA%\Example\Notes\config` on
/// Windows, and on macOS the same as [`app_dir`].
///
/// ```
/// # fn main() -> Result<(), worsen::Error> {
/// # if std::env::var_os("HOME").is_none() { return Ok(()); }
/// let dir = worsen::config_dir("com", "Example", "Notes")?;
/// assert!(dir.is_absolute());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`app_dir`].
pub fn config_dir(
    qualifier: &str,
    organization: &str,
    application: &str,
) -> Result<PathBuf, Error> {
    let strategy = choose_native_strategy(args(qualifier, organization, application));
    match strategy {
        // `Library/Preferences` is for the system's own property lists.
        Ok(strategy) if cfg!(target_os = "macos") => Ok(strategy.data_dir()),
        Ok(strategy) => Ok(strategy.config_dir()),
        Err(error) => Err(error::open::no_app_folder("settings", application, error)),
    }
}

fn args(qualifier: &str, organization: &str, application: &str) -> AppStrategyArgs {
    AppStrategyArgs {
        top_level_domain: qualifier.to_owned(),
        author: organization.to_owned(),
        app_name: application.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{app_dir, config_dir};

    #[test]
    fn the_folders_end_in_the_programs_name() {
        // A machine without a home directory gets the error, which names the program too.
        for dir in [
            app_dir("com", "Example", "Notes"),
            config_dir("com", "Example", "Notes"),
        ] {
            match dir {
                Ok(dir) => {
                    let dir = dir.to_string_lossy().to_lowercase();
                    assert!(dir.contains("notes"), "{dir}");
                }
                Err(error) => assert!(error.to_string().contains("Notes"), "{error}"),
            }
        }
    }
}
