//! Counts allocations for goal 4.
//!
//! A program of its own, since counting slows every allocation down and the other goals
//! would be measured with it.

fn main() {
    benches::print_allocations(&|work| allocation_counter::measure(work).count_total);
}
