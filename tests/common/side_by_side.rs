//! What a test does that waits more than it works.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Does something with each row, thirty-two at a time. A row that fails stops no other.
pub fn side_by_side<R: Send, T: Send>(
    rows: impl IntoIterator<Item = R, IntoIter: Send>,
    act: impl Fn(R) -> T + Sync,
) -> Vec<T> {
    let rows = Mutex::new(rows.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        // The lock is held while a row is taken, and no longer.
        while let Some((number, row)) = { rows.lock().expect("rows").next() } {
            done.push((number, act(row)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = (0..32).map(|_| scope.spawn(work)).collect();
        let mut done = Vec::new();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A short timeout makes a test quick, but on a machine that is busy enough it also ends what is in
/// order. So a test that fails with a short one gets a second try with a long one.
pub fn at_two_paces(act: impl Fn(Duration)) {
    let (short, long) = (Duration::from_millis(100), Duration::from_secs(1));
    catch_unwind(AssertUnwindSafe(|| act(short))).unwrap_or_else(|_| act(long));
}
