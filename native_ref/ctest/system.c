/* What belongs to the system: arguments, processes, files, paths. */
#include "check.h"

void arguments(void) {
    RuntimeValue array = rt_array_new(2);
    CHECK(rt_array_push(array, string("program")) && rt_array_push(array, string("--quiet")));
    CHECK(rt_set_args(array) && rt_get_argc() == 2 && is_string(rt_array_get(rt_get_args(), 1), "--quiet"));
    CHECK(!rt_set_args(integer(1)) && rt_error_clear() && rt_get_argc() == 2);
    CHECK(rt_clear_args() == 2 && rt_get_argc() == 0 && rt_array_len(rt_get_args()) == 0);
}

/* The arguments that make `sh` run a script. */
static RuntimeValue script(const char *source) {
    RuntimeValue array = rt_array_new(2);
    CHECK(rt_array_push(array, string("-c")) && rt_array_push(array, string(source)));
    return array;
}

void processes(void) {
    CHECK(rt_process_run(TEXT("sh"), script("exit 7")) == 7);
    RuntimeValue output = rt_process_output(TEXT("sh"), script("echo out; echo err >&2; exit 3"), 60000, 1024);
    CHECK(rt_tuple_len(output) == 3 && rt_value_as_int(rt_tuple_get(output, 0)) == 3);
    CHECK(is_string(rt_tuple_get(output, 1), "out\n") && is_string(rt_tuple_get(output, 2), "err\n"));
    int64_t child = rt_process_spawn(TEXT("sh"), script("exec sleep 600"));
    CHECK(child > 0 && rt_process_id(child) > 0 && rt_process_wait(child, 0) == -2);
    CHECK(rt_process_kill(child) && rt_process_wait(child, 60000) == 137 && !rt_process_is_running(child));
    CHECK(rt_process_free(child) && !rt_process_free(child));
    CHECK(rt_process_run(TEXT("no such program"), rt_value_nil()) == -1 && rt_error_clear());
}

/* Makes a path of a folder and a name, as a text with its end. */
static void join(RuntimeValue folder, const char *name, char *path, size_t room) {
    char base[256] = "";
    int64_t len = rt_string_copy(folder, ROOM(base));
    CHECK(len > 0 && len < (int64_t)sizeof base);
    len = rt_path_join(TEXT(base), TEXT(name), (uint8_t *)path, (int64_t)room);
    CHECK(len > 0 && len < (int64_t)room);
    path[len > 0 && len < (int64_t)room ? len : 0] = 0;
}

void files(void) {
    char root[256], path[256], other[256], buffer[128];
    RuntimeValue folder = rt_fs_temp_dir(TEXT("ctest"));
    join(folder, "", root, sizeof root);
    join(folder, "deep/er", path, sizeof path);
    CHECK(rt_fs_mkdir_all(TEXT(path)) && rt_fs_is_dir(TEXT(path)) && !rt_fs_is_file(TEXT(path)));
    join(folder, "deep/text.txt", path, sizeof path);
    CHECK(rt_file_write_text(TEXT(path), TEXT("one\n")) == 4 && rt_file_append_text(TEXT(path), TEXT("zwölf")) == 6);
    CHECK(rt_file_size(TEXT(path)) == 10 && rt_file_count_lines(TEXT(path)) == 2);
    CHECK(is_string(rt_file_read_text(TEXT(path)), "one\nzwölf"));
    CHECK(is_text(buffer, rt_file_read_bytes(TEXT(path), ROOM(buffer)), "one\nzwölf"));
    int64_t file = rt_file_open(TEXT(path), TEXT("r+"));
    CHECK(file > 0 && is_string(rt_file_read_line(file), "one") && rt_file_tell(file) == 4);
    CHECK(rt_file_seek(file, 0, 0) == 0 && rt_file_write(file, TEXT("ONE")) == 3 && rt_file_close(file));
    CHECK(!rt_file_close(file) && rt_file_read(file, ROOM(buffer)) == -1 && rt_error_clear());
    int64_t loading = rt_async_file_create(TEXT(path));
    CHECK(is_string(rt_async_file_wait(loading, -1), "ONE\nzwölf") && rt_async_file_free(loading));
    join(folder, "moved", other, sizeof other);
    CHECK(rt_fs_rename(TEXT(path), TEXT(other)) == 0 && rt_fs_kind(TEXT(path)) == 0 && rt_fs_kind(TEXT(other)) == 1);
    CHECK(rt_array_len(rt_fs_list(TEXT(root))) == 2 && rt_fs_tree_size(TEXT(root)) == 10);
    CHECK(rt_fs_remove_all(TEXT(root)) && !rt_fs_exists(TEXT(root)) && !rt_fs_remove_all(TEXT(root)));
    CHECK(rt_error_has() && rt_error_clear());
}

void paths(void) {
    char buffer[64];
    CHECK(is_text(buffer, rt_path_basename(TEXT("/a/b.tar.gz"), ROOM(buffer)), "b.tar.gz"));
    CHECK(is_text(buffer, rt_path_dirname(TEXT("/a/b.tar.gz"), ROOM(buffer)), "/a"));
    CHECK(is_text(buffer, rt_path_normalise(TEXT("a/./b/../c"), ROOM(buffer)), "a/c"));
    CHECK(is_text(buffer, rt_path_join(TEXT("a"), TEXT("/b"), ROOM(buffer)), "/b"));
    CHECK(rt_path_is_absolute(TEXT("/a")) && !rt_path_is_absolute(TEXT("a")));
    CHECK(rt_path_basename(NULL, 1, ROOM(buffer)) == -1 && rt_path_component_count(TEXT("a/b")) == 2);
}

void searching(void) {
    char path[256], root[256];
    RuntimeValue folder = rt_fs_temp_dir(TEXT("ctest"));
    join(folder, "", root, sizeof root);
    join(folder, "notes.md", path, sizeof path);
    CHECK(rt_file_write_text(TEXT(path), TEXT("needle\nhay\nneedle, needle\n")) == 26);
    CHECK(rt_search_count(TEXT(path), TEXT("needle")) == 2);
    CHECK(rt_array_len(rt_search_text(TEXT(path), TEXT("needle"), 1)) == 1);
    CHECK(rt_array_len(rt_glob_list(TEXT(root), TEXT("*.md"))) == 1);
    CHECK(rt_array_len(rt_glob_list(TEXT(root), TEXT("*.c"))) == 0);
    CHECK(rt_glob_match(TEXT("n?t*.md"), TEXT("notes.md")) == 1 && rt_glob_match(TEXT("*.c"), TEXT("notes.md")) == 0);
    CHECK(is_string(doctest_read_file(string(path)), "needle\nhay\nneedle, needle\n"));
    CHECK(doctest_is_dir(folder) && doctest_path_has_extension(string(path), string("md")));
    CHECK(rt_fs_remove_all(TEXT(root)) && !doctest_path_exists(folder));
}
