//! From the file as written to [`super::Settings`], every error at once.
