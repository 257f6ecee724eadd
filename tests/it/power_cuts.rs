//! The kit for tests of programs, used as its users do: by its public names alone. It finds what is wrong
//! with a program of theirs, and nothing where nothing is.

use std::time::Duration;

use worsen::{
    Error, ErrorKind, Map, Store,
    testing::{self, Crash, Fault, Moment, OperationKind, Repeat, SimulatedDisk},
};

/// Orders and their invoices. Whatever happens, each order has one.
#[derive(Store)]
#[store(name = "shop", dir = "./db")]
struct Shop {
    orders: Map<u64, String>,
    invoices: Map<u64, u64>,
}

fn open(disk: &SimulatedDisk) -> Result<ShopStore, Error> {
    Shop::builder().on(disk).open()
}

/// As it should be: one commit.
fn order(shop: &ShopStore, number: u64) -> Result<(), Error> {
    shop.update(move |shop| {
        shop.orders.insert(number, format!("order {number}"));
        shop.invoices.insert(number, 100);
    })
    .wait()
}

/// Two commits that should have been one.
fn order_by_halves(shop: &ShopStore, number: u64) -> Result<(), Error> {
    shop.update_orders(move |orders| orders.insert(number, format!("order {number}")))
        .wait()?;
    shop.update_invoices(move |invoices| invoices.insert(number, 100))
        .wait()
        .map(|_| ())
}

/// It says that an order is taken before that is on the disk.
fn order_in_a_hurry(shop: &ShopStore, number: u64) -> Result<(), Error> {
    shop.update(move |shop| {
        shop.orders.insert(number, format!("order {number}"));
        shop.invoices.insert(number, 100);
    })
    .detach();
    Ok(())
}

/// Takes three orders, and returns those that it has confirmed.
fn a_morning(
    order: fn(&ShopStore, u64) -> Result<(), Error>,
) -> impl Fn(&SimulatedDisk) -> Vec<u64> {
    move |disk| {
        let mut confirmed = Vec::new();
        let Ok(shop) = open(disk) else {
            return confirmed;
        };
        for number in 1..=3 {
            if order(&shop, number).is_err() {
                break;
            }
            confirmed.push(number);
        }
        confirmed
    }
}

/// What is wrong on this disk, if anything is.
fn wrong(disk: &SimulatedDisk, confirmed: &[u64]) -> Option<String> {
    let shop = match open(disk) {
        Ok(shop) => shop,
        Err(error) => return Some(format!("it does not open: {error}")),
    };
    let (orders, invoices) = (shop.orders(), shop.invoices());
    let lost = confirmed
        .iter()
        .find(|number| !orders.contains_key(*number));
    match lost {
        Some(number) => Some(format!("order {number} was confirmed, and is gone")),
        None if !orders.keys().eq(invoices.keys()) => Some("an order without its invoice".into()),
        None => None,
    }
}

fn wrong_after(crash: &Crash<Vec<u64>>) -> Option<String> {
    let mut left = crash.left_by_power_cut().chain([crash.left_by_kill()]);
    left.find_map(|disk| wrong(&disk, crash.outcome()))
}

#[test]
fn a_program_that_keeps_its_promises_passes() {
    let mut crashes = testing::crashes(a_morning(order));
    let steps = crashes.len();
    assert!(steps > 15, "only {steps} places to crash at");
    let wrong = crashes.find_map(|crash| Some(format!("{}\n{crash}", wrong_after(&crash)?)));
    assert_eq!(wrong, None);
}

#[test]
fn two_commits_that_should_have_been_one_are_found() {
    let found = testing::crashes(a_morning(order_by_halves))
        .find_map(|crash| Some((wrong_after(&crash)?, crash.to_string())));
    let (wrong, crash) = found.expect("an order is without its invoice after some crash");
    assert_eq!(wrong, "an order without its invoice");
    // And it is told where, by the step that was not made.
    let last = crash.lines().last().expect("it has lines");
    assert!(last.ends_with(": crash"), "{crash}");
}

#[test]
fn a_promise_that_is_given_too_early_is_found() {
    let found = testing::crashes(a_morning(order_in_a_hurry)).find_map(|crash| wrong_after(&crash));
    let wrong = found.expect("a confirmed order is lost by some crash");
    assert!(wrong.ends_with("was confirmed, and is gone"), "{wrong}");
}

#[test]
fn a_sample_of_the_crashes_runs_the_program_for_those_alone() {
    let mut runs = 0;
    let crashes = testing::crashes(|disk| {
        runs += 1;
        a_morning(order)(disk)
    });
    let all = crashes.len();
    let seen: Vec<usize> = crashes.step_by(7).map(|crash| crash.step()).collect();
    assert_eq!(seen, (0..all).step_by(7).collect::<Vec<_>>());
    assert_eq!(runs, 1 + seen.len());
}

#[test]
fn each_kind_of_fault_leaves_a_program_that_goes_on_when_the_disk_is_healthy() {
    for fault in Fault::ALL {
        let disk = SimulatedDisk::new();
        let shop = open(&disk).expect("a new shop opens");
        disk.fail_where(
            |operation| operation.kind() == OperationKind::Write,
            fault,
            Repeat::Once,
        );
        let confirmed: Vec<u64> = match order(&shop, 1) {
            Ok(()) => vec![1],
            Err(_) => vec![],
        };
        let struck = disk.faults_struck();
        let is_for_writes = !matches!(fault, Fault::ShortRead | Fault::LostSync);
        assert_eq!(struck, usize::from(is_for_writes), "{fault:?}");
        disk.clear_faults();
        drop(shop);
        assert_eq!(wrong(&disk, &confirmed), None, "{fault:?}");
    }
}

#[test]
fn a_second_process_goes_on_while_the_first_hangs_or_dies() {
    let disk = SimulatedDisk::new();
    let other = disk.new_process();
    let (shop, beside) = (open(&disk).unwrap(), open(&other).unwrap());
    order(&shop, 1).unwrap();
    assert_eq!(beside.orders().len(), 1);

    // In the middle of a commit of the first one, the second one makes its own.
    let meanwhile = beside.clone();
    disk.interrupt(
        Moment::Before,
        |operation| operation.kind() == OperationKind::Sync,
        move || order(&meanwhile, 2).unwrap(),
    );
    order(&shop, 3).unwrap();
    assert_eq!(disk.interruptions_left(), 0);
    assert_eq!(shop.orders().keys().copied().collect::<Vec<_>>(), [1, 2, 3]);

    disk.crash_at(disk.mutations() + 1);
    order(&shop, 4).unwrap_err();
    let restarted = disk.kill_process();
    order(&beside, 5).unwrap();
    assert_eq!(wrong(&restarted, &[1, 2, 3, 5]), None);

    let builder = Shop::builder().on(&restarted);
    let waiting = builder
        .lock_timeout(Duration::from_millis(5))
        .open()
        .unwrap();
    let held = other.hold_lock("/db/shop.lock").expect("it is free");
    let error = order(&waiting, 6).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockTimeout);
    drop(held);
    order(&waiting, 6).unwrap();
}

#[test]
fn a_directory_of_any_depth_is_made_on_a_simulated_disk() {
    let disk = SimulatedDisk::new();
    for dir in ["/a/deep/one", "another/one", "flat", "."] {
        let shop = Shop::builder().on(&disk).dir(dir).open().unwrap();
        order(&shop, 1).unwrap();
    }
    let logs = disk.files().into_iter();
    let logs = logs.filter(|path| path.ends_with("shop.db"));
    assert_eq!(logs.count(), 4);
}

#[test]
fn a_test_can_make_an_error_of_any_kind() {
    let error = testing::error(ErrorKind::Poisoned);
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    assert!(error.to_string().contains("a test has made"), "{error}");
}
