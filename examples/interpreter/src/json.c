#include "json.h"

#include "fail.h"
#include "lexer.h"
#include "map.h"

// JSON's tokens are a subset of the language's own, so its lexer reads them.
typedef struct {
    Lexer lexer;
    Token now;
    int line;
    int depth;
} Reader;

static void advance(Reader *reader) {
    reader->now = lexer_next(&reader->lexer);
}

static void expect(Reader *reader, TokenKind kind) {
    if (reader->now.kind != kind) {
        fail(reader->line, "JSON: expected %s, found %s", token_name(kind), token_name(reader->now.kind));
    }
    advance(reader);
}

static Value value(Reader *reader);

static Value object(Reader *reader) {
    Map *map = map_new();
    while (reader->now.kind != T_RIGHT_BRACE) {
        const String *key = reader->now.text;
        expect(reader, T_STRING);
        expect(reader, T_COLON);
        map_set(map, key, value(reader));
        if (reader->now.kind != T_COMMA) {
            break;
        }
        advance(reader);
    }
    expect(reader, T_RIGHT_BRACE);
    return of_map(map);
}

static Value array(Reader *reader) {
    List *list = list_new();
    while (reader->now.kind != T_RIGHT_BRACKET) {
        list_push(list, value(reader));
        if (reader->now.kind != T_COMMA) {
            break;
        }
        advance(reader);
    }
    expect(reader, T_RIGHT_BRACKET);
    return of_list(list);
}

static Value value(Reader *reader) {
    static const String *null;
    if (null == NULL) {
        null = string_from("null");
    }
    if (++reader->depth > 200) {
        fail(reader->line, "JSON: nested too deep");
    }
    Token token = reader->now;
    Value result;
    advance(reader);
    switch (token.kind) {
    case T_LEFT_BRACE:
        result = object(reader);
        break;
    case T_LEFT_BRACKET:
        result = array(reader);
        break;
    case T_STRING:
        result = of_string(token.text);
        break;
    case T_NUMBER:
        result = of_number(token.number);
        break;
    case T_MINUS:
        result = of_number(-reader->now.number);
        expect(reader, T_NUMBER);
        break;
    case T_TRUE:
    case T_FALSE:
        result = of_bool(token.kind == T_TRUE);
        break;
    case T_NAME:
        if (token.text == null) {
            result = nil();
            break;
        }
        // fall through
    default:
        fail(reader->line, "JSON: unexpected %s", token_name(token.kind));
    }
    reader->depth--;
    return result;
}

Value json_parse(int line, const String *text) {
    Reader reader = {.line = line};
    lexer_start(&reader.lexer, text->bytes, text->length);
    advance(&reader);
    Value result = value(&reader);
    if (reader.now.kind != T_END) {
        fail(line, "JSON: %s behind the value", token_name(reader.now.kind));
    }
    return result;
}
