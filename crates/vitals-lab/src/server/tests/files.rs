//! The filesystem server: what it does below its folder, and that it does nothing elsewhere.

use serde_json::json;

use super::*;

#[tokio::test]
async fn files_are_written_read_listed_and_found() {
    let (server, client) = open(ServerKind::Filesystem, &[]).await;
    let root = server.folder.path().join("files").canonicalize().unwrap();
    assert_eq!(said(&client, "create_directory", json!({ "path": "a/b" })).await, "Successfully created directory a/b");
    let written = said(&client, "write_file", json!({ "path": "a/b/x.txt", "content": "1\n2\n3" })).await;
    assert_eq!(written, "Successfully wrote to a/b/x.txt");
    let absolute = root.join("a/b/x.txt").display().to_string();
    assert_eq!(said(&client, "read_text_file", json!({ "path": absolute })).await, "1\n2\n3");
    assert_eq!(said(&client, "read_text_file", json!({ "path": "a/b/x.txt", "head": 1 })).await, "1");
    assert_eq!(said(&client, "read_text_file", json!({ "path": "a/b/x.txt", "tail": 2 })).await, "2\n3");
    assert_eq!(said(&client, "list_directory", json!({ "path": "a" })).await, "[DIR] b");
    assert_eq!(said(&client, "search_files", json!({ "path": ".", "pattern": "**/*.txt" })).await, absolute);
    assert_eq!(said(&client, "search_files", json!({ "path": ".", "pattern": "*.txt" })).await, "No matches found");
    assert!(said(&client, "get_file_info", json!({ "path": "a/b/x.txt" })).await.starts_with("size: 5\n"));
    let allowed = said(&client, "list_allowed_directories", json!({})).await;
    assert_eq!(allowed, format!("Allowed directories:\n{}", root.display()));
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_touched() {
    let (server, client) = open(ServerKind::Filesystem, &[]).await;
    let outside = server.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    let root = server.folder.path().join("files");
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), root.join("file-link")).unwrap();
    std::os::unix::fs::symlink(outside.join("new"), root.join("dangling")).unwrap();

    let secret = outside.join("secret").display().to_string();
    for path in ["../outside/secret", "link/secret", "file-link", secret.as_str(), "link/../../outside/secret", "/etc/passwd"] {
        let read = said(&client, "read_text_file", json!({ "path": path })).await;
        assert!(read.starts_with("isError: Access denied"), "{path}: {read}");
        let written = said(&client, "write_file", json!({ "path": path, "content": "x" })).await;
        assert!(written.starts_with("isError"), "{path}: {written}");
    }
    for path in ["link/new", "dangling", "../new", "/no/such/folder/at/all"] {
        let written = said(&client, "write_file", json!({ "path": path, "content": "x" })).await;
        assert!(written.starts_with("isError"), "{path}: {written}");
        let made = said(&client, "create_directory", json!({ "path": path })).await;
        assert!(made.starts_with("isError"), "{path}: {made}");
    }
    assert!(said(&client, "list_directory", json!({ "path": "link" })).await.starts_with("isError"));
    assert_eq!(std::fs::read_to_string(outside.join("secret")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_too_large_or_no_file_is_refused() {
    let (server, client) = open(ServerKind::Filesystem, &[]).await;
    let root = server.folder.path().join("files");
    std::fs::write(root.join("large"), vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(said(&client, "read_text_file", json!({ "path": "large" })).await.contains("larger than"));
    let large = "x".repeat((1 << 20) + 1);
    assert!(said(&client, "write_file", json!({ "path": "w", "content": large })).await.contains("larger than"));
    assert!(said(&client, "read_text_file", json!({ "path": "." })).await.contains("not a file"));
    assert!(said(&client, "read_text_file", json!({ "path": "a\0b" })).await.starts_with("isError"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let part = |folder| ServerPart { kind: ServerKind::Filesystem, faults: None, folder };
    let serve = async |folder| {
        let (input, output) = (tokio::io::empty(), tokio::io::sink());
        within(serve(part(folder), input, output, Terms::OfProcess, QUICK)).await
    };
    assert!(matches!(serve(None).await, Err(ServerError::NoFolder)));
    assert!(matches!(serve(Some("/no/such/folder".into())).await, Err(ServerError::Folder { .. })));
}
