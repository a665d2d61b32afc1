//! Rows of a test that wait more than they work.

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::thread;

/// Does something with each row, two dozen at a time. A row that fails stops no other.
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
        let threads: Vec<_> = (0..24).map(|_| scope.spawn(work)).collect();
        let mut done = Vec::new();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
