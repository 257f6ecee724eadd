//! Where the platform wants a program to keep its data: `#[store(dir = app("com", "Org", "App"))]`.
//!
//! Only the path is found here. Nothing is created, opened or looked at.

use std::path::PathBuf;

use etcetera::{AppStrategy, AppStrategyArgs, app_strategy::choose_native_strategy};

use crate::error::{Error, ErrorKind};

/// The data folder of one program of this user: `$XDG_DATA_HOME/app` (by default
/// `~/.local/share/app`) on Linux, `~/Library/Application Support/com.org.App` on macOS,
/// `%APPDATA%\Org\App\data` on Windows.
///
/// # Errors
///
/// [`ErrorKind::Directory`] where the user has no home directory, as some services have none.
pub fn app_dir(qualifier: &str, organization: &str, application: &str) -> Result<PathBuf, Error> {
    let args = AppStrategyArgs {
        top_level_domain: qualifier.to_owned(),
        author: organization.to_owned(),
        app_name: application.to_owned(),
    };
    match choose_native_strategy(args) {
        Ok(strategy) => Ok(strategy.data_dir()),
        Err(error) => Err(Error::new(
            ErrorKind::Directory,
            format!("the data folder of `{application}` cannot be found"),
        )
        .help("set the home directory of the user, or name a directory with `.dir(...)`")
        .caused_by(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::app_dir;

    #[test]
    fn the_data_folder_ends_in_the_programs_name() {
        // A machine without a home directory gets the error, which names the program too.
        match app_dir("com", "Example", "Notes") {
            Ok(dir) => {
                let dir = dir.to_string_lossy().to_lowercase();
                assert!(dir.contains("notes"), "{dir}");
            }
            Err(error) => assert!(error.to_string().contains("Notes"), "{error}"),
        }
    }
}
