//! What tests of several crates share: the recorded vectors and the comparison of wire values.
