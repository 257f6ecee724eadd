//! A process that writes without waiting, and ends in one of many ways.

use std::{
    error::Error,
    io::stdin,
    mem,
    path::Path,
    pin::pin,
    process::exit,
    sync::{Arc, OnceLock, mpsc::channel},
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use worsen::{Durability, Store};

use crate::{State, StateStore};

/// Ends the program when it is woken.
struct Ends;

impl Wake for Ends {
    fn wake(self: Arc<Self>) {
        exit(0);
    }
}

/// Detaches so many writes, and ends: by returning, or before.
///
/// # Errors
///
/// Where the store cannot be opened, or there is no such way to end.
pub fn detach_and_end(dir: &Path, how: &str, count: u64) -> Result<(), Box<dyn Error>> {
    let mut builder = State::builder()
        .dir(dir)
        .lock_timeout(Duration::from_secs(2));
    if how == "buffered" {
        builder = builder.durability(Durability::Buffered);
    }
    let store = builder.open()?;
    let detach = |store: &StateStore| {
        for _ in 0..count {
            store.update_count(|count| *count += 1).detach();
        }
    };
    match how {
        "main-returns-beside-a-watch" => {
            let mut watch = store.watch_note();
            detach(&store);
            thread::spawn(move || drop(watch.wait(Duration::MAX)));
        }
        "leaked" => {
            detach(&store);
            mem::forget(store);
        }
        "static" => {
            static STORE: OnceLock<StateStore> = OnceLock::new();
            detach(STORE.get_or_init(|| store));
        }
        "exit" | "buffered" => {
            detach(&store);
            exit(0);
        }
        "exit-in-a-waker" => {
            // It is woken by the thread that leads, and the rest is queued behind it by then.
            let waker = Waker::from(Arc::new(Ends));
            let mut first = pin!(store.set_note("first".into()).into_future());
            let polled = first.as_mut().poll(&mut Context::from_waker(&waker));
            detach(&store);
            if polled.is_pending() {
                loop {
                    thread::park();
                }
            }
        }
        "exit-in-another-thread" => {
            detach(&store);
            thread::spawn(|| exit(0));
            loop {
                thread::park();
            }
        }
        "exit-in-a-closure" => {
            detach(&store);
            store.update_note(|_| exit(0)).wait()?;
        }
        "polled-once" => {
            for _ in 0..count {
                let mut write = Box::pin(store.update_count(|count| *count += 1).into_future());
                drop(write.as_mut().poll(&mut Context::from_waker(Waker::noop())));
            }
            mem::forget(store);
        }
        "two-stores" => {
            let other = State::builder().dir(dir.join("other")).open()?;
            detach(&other);
            detach(&store);
            mem::forget((store, other));
        }
        "when-told" => {
            println!("open");
            let mut line = String::new();
            // Whatever comes, or nothing: it goes on.
            drop(stdin().read_line(&mut line));
            detach(&store);
            exit(0);
        }
        "fork" => fork(store, detach)?,
        _ => return Err(format!("there is no way to end called {how}").into()),
    }
    Ok(())
}

/// Detaches in the parent, and ends the child first.
fn fork(store: StateStore, detach: impl Fn(&StateStore)) -> Result<(), Box<dyn Error>> {
    // The thread that commits is held up, so that all of it is still queued at the fork.
    let (go_on, may_go_on) = channel();
    store.update_note(move |_| may_go_on.recv()).detach();
    detach(&store);
    #[expect(unsafe_code, reason = "there is no safe way to fork")]
    // SAFETY: the child uses this thread alone, and ends at once.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => exit(0),
        _ => {
            let mut status = 0;
            #[expect(unsafe_code, reason = "the child is not one of std's")]
            // SAFETY: the pointer is to a local variable.
            let waited = unsafe { libc::waitpid(child, &mut status, 0) };
            if waited != child || status != 0 {
                return Err(format!("the child ended with {status}").into());
            }
            println!("child ended");
            go_on.send(())?;
            mem::forget(store);
            Ok(())
        }
    }
}
