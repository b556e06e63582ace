//! Moves on real processes, files and programs.
