// quill: runs a small scripting language.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "builtins.h"
#include "fail.h"
#include "parser.h"

static Buffer read_all(FILE *file, const char *name) {
    Buffer text = {0};
    char chunk[4096];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buffer_bytes(&text, chunk, got);
    }
    if (ferror(file)) {
        perror(name);
        exit(66);
    }
    buffer_bytes(&text, "", 0);
    return text;
}

int main(int argc, char **argv) {
    int dump = 0;
    int at = 1;
    if (at < argc && strcmp(argv[at], "--version") == 0) {
        printf("quill %s\n", QUILL_VERSION);
        return 0;
    }
    if (at < argc && strcmp(argv[at], "--tree") == 0) {
        dump = 1;
        at++;
    }
    if (at >= argc) {
        fputs("usage: quill [--version | --tree] FILE [ARGUMENT...]\n", stderr);
        return 64;
    }
    const char *name = argv[at++];
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        return 66;
    }
    Buffer source = read_all(file, name);
    if (file != stdin) {
        fclose(file);
    }
    fail_in(name);
    Node *program = parse(source.bytes, source.length);
    if (dump) {
        Buffer text = {0};
        node_dump(&text, program, 0);
        fwrite(text.bytes, 1, text.length, stdout);
    } else {
        Scope *scope = scope_new(NULL);
        List *arguments = list_new();
        for (; at < argc; at++) {
            list_push(arguments, of_text(argv[at]));
        }
        scope_set(scope, "arguments", of_list(arguments));
        builtins_add(scope);
        run_program(program, scope);
    }
    arena_free_all();
    return fflush(stdout) == 0 ? 0 : 74;
}
