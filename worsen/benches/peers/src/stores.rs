//! The peers, each behind the same few calls: 1,000 entries of 100 bytes, a put that is durable or
//! relaxed, a get.

use std::{error::Error, path::Path, time::Duration};

use heed::types::{Bytes, Str};
use worsen::{Durability, Options, PersistentStore};

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

pub trait Peer: Send + Sync {
    fn put(&self, key: &str, value: &str) -> Outcome<()>;
    fn get(&self, key: &str) -> Outcome<Option<usize>>;
    /// Survives `kill -9`, and no more is asked.
    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()>;
}

pub const NAMES: [&str; 5] = ["worsen", "sqlite", "redb", "lmdb", "fjall"];

/// Whether several processes may open it at once.
pub fn is_shared(name: &str) -> bool {
    matches!(name, "worsen" | "sqlite" | "lmdb")
}

pub fn open(name: &str, dir: &Path, durable: bool) -> Outcome<Box<dyn Peer>> {
    Ok(match name {
        "worsen" => {
            let options = Options {
                is_debug: false,
                db_dir: dir.to_owned(),
            };
            Box::new(Worsen(PersistentStore::new("bench", options)?))
        }
        "sqlite" => Box::new(Sqlite::open(dir, durable)?),
        "redb" => {
            let db = redb::Database::create(dir.join("bench.redb"))?;
            Box::new(Redb(db))
        }
        "lmdb" => Box::new(Lmdb::open(dir, durable)?),
        "fjall" => {
            let db = fjall::Database::builder(dir.join("bench.fjall")).open()?;
            let keyspace = db.keyspace("bench", fjall::KeyspaceCreateOptions::default)?;
            Box::new(Fjall(db, keyspace))
        }
        _ => return Err(format!("no such store: {name}").into()),
    })
}

pub fn key(number: usize) -> String {
    format!("key-{number:07}")
}

pub fn value(number: usize) -> String {
    format!("{number:0100}")
}

pub fn fill(peer: &dyn Peer, entries: usize) -> Outcome<()> {
    for number in 0..entries {
        peer.put_relaxed(&key(number), &value(number))?;
    }
    Ok(())
}

struct Worsen(PersistentStore<String>);

impl Peer for Worsen {
    fn put(&self, key: &str, value: &str) -> Outcome<()> {
        Ok(self.0.write(key, value.to_owned()).wait()?)
    }

    fn get(&self, key: &str) -> Outcome<Option<usize>> {
        Ok(self.0.read(key).map(|value| value.len()))
    }

    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()> {
        let commit = self.0.write(key, value.to_owned());
        Ok(commit.durability(Durability::Buffered).wait()?)
    }
}

struct Sqlite {
    dir: std::path::PathBuf,
    durable: bool,
    /// A connection a thread, as its documentation advises.
    connections: std::sync::Mutex<Vec<rusqlite::Connection>>,
}

impl Sqlite {
    fn open(dir: &Path, durable: bool) -> Outcome<Sqlite> {
        let peer = Sqlite {
            dir: dir.to_owned(),
            durable,
            connections: std::sync::Mutex::default(),
        };
        peer.with(|connection| {
            connection.execute(
                "CREATE TABLE IF NOT EXISTS bench (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
                [],
            )?;
            Ok(())
        })?;
        Ok(peer)
    }

    fn with<R>(&self, work: impl FnOnce(&rusqlite::Connection) -> Outcome<R>) -> Outcome<R> {
        let pooled = self.connections.lock().expect("no panic before").pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => {
                let connection = rusqlite::Connection::open(self.dir.join("bench.sqlite"))?;
                connection.busy_timeout(Duration::from_secs(60))?;
                connection.pragma_update(None, "journal_mode", "WAL")?;
                let level = if self.durable { "FULL" } else { "OFF" };
                connection.pragma_update(None, "synchronous", level)?;
                connection
            }
        };
        let outcome = work(&connection);
        self.connections.lock().expect("no panic before").push(connection);
        outcome
    }
}

impl Peer for Sqlite {
    fn put(&self, key: &str, value: &str) -> Outcome<()> {
        self.with(|connection| {
            connection
                .prepare_cached("INSERT INTO bench VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute([key, value])?;
            Ok(())
        })
    }

    fn get(&self, key: &str) -> Outcome<Option<usize>> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM bench WHERE key = ?1")?;
            let mut rows = statement.query([key])?;
            Ok(match rows.next()? {
                Some(row) => Some(row.get_ref(0)?.as_str()?.len()),
                None => None,
            })
        })
    }

    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()> {
        self.put(key, value)
    }
}

struct Redb(redb::Database);

const TABLE: redb::TableDefinition<'_, &str, &str> = redb::TableDefinition::new("bench");

impl Redb {
    fn write(&self, key: &str, value: &str, durability: redb::Durability) -> Outcome<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(durability)?;
        transaction.open_table(TABLE)?.insert(key, value)?;
        transaction.commit()?;
        Ok(())
    }
}

impl Peer for Redb {
    fn put(&self, key: &str, value: &str) -> Outcome<()> {
        self.write(key, value, redb::Durability::Immediate)
    }

    fn get(&self, key: &str) -> Outcome<Option<usize>> {
        use redb::ReadableDatabase;
        let table = self.0.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().len()))
    }

    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()> {
        self.write(key, value, redb::Durability::None)
    }
}

struct Lmdb {
    env: heed::Env,
    db: heed::Database<Str, Bytes>,
}

impl Lmdb {
    #[expect(unsafe_code, reason = "LMDB maps its file, which nobody else here touches")]
    fn open(dir: &Path, durable: bool) -> Outcome<Lmdb> {
        let path = dir.join("lmdb");
        std::fs::create_dir_all(&path)?;
        let mut options = heed::EnvOpenOptions::new();
        options.map_size(4 << 30);
        // SAFETY: the files are in a fresh folder and only LMDB opens them.
        let env = unsafe {
            if !durable {
                options.flags(heed::EnvFlags::NO_SYNC);
            }
            options.open(path)?
        };
        let mut transaction = env.write_txn()?;
        let db = env.create_database(&mut transaction, None)?;
        transaction.commit()?;
        Ok(Lmdb { env, db })
    }
}

impl Peer for Lmdb {
    fn put(&self, key: &str, value: &str) -> Outcome<()> {
        let mut transaction = self.env.write_txn()?;
        self.db.put(&mut transaction, key, value.as_bytes())?;
        Ok(transaction.commit()?)
    }

    fn get(&self, key: &str) -> Outcome<Option<usize>> {
        let transaction = self.env.read_txn()?;
        Ok(self.db.get(&transaction, key)?.map(<[u8]>::len))
    }

    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()> {
        self.put(key, value)
    }
}

struct Fjall(fjall::Database, fjall::Keyspace);

impl Peer for Fjall {
    fn put(&self, key: &str, value: &str) -> Outcome<()> {
        self.1.insert(key, value)?;
        Ok(self.0.persist(fjall::PersistMode::SyncData)?)
    }

    fn get(&self, key: &str) -> Outcome<Option<usize>> {
        Ok(self.1.get(key)?.map(|value| value.len()))
    }

    fn put_relaxed(&self, key: &str, value: &str) -> Outcome<()> {
        self.1.insert(key, value)?;
        Ok(self.0.persist(fjall::PersistMode::Buffer)?)
    }
}
