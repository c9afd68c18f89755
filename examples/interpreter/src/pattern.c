#include "pattern.h"

#include <ctype.h>
#include <string.h>

#include "fail.h"

// A backtracking matcher over the pattern's text itself. Each function takes what must match behind it as a
// continuation, so that a group can be repeated and tried again.
typedef struct Rest {
    const char *pattern;
    const char *end;
    const struct Rest *next;
} Rest;

typedef struct {
    const char *start;
    const char *end;
    const char *matched;
    int line;
    long steps;
} Matcher;

static bool alternatives(Matcher *m, const char *p, const char *end, const Rest *rest, const char *text);

// The end of the element that begins at `p`.
static const char *element_end(Matcher *m, const char *p, const char *end) {
    if (*p == '\\') {
        if (p + 1 == end) {
            fail(m->line, "pattern: nothing behind \\");
        }
        return p + 2;
    }
    if (*p == '[') {
        const char *q = p + 1;
        if (q < end && *q == '^') {
            q++;
        }
        for (q++; q < end && *q != ']'; q++) {
        }
        if (q >= end) {
            fail(m->line, "pattern: [ without ]");
        }
        return q + 1;
    }
    if (*p == '(') {
        int depth = 0;
        for (const char *q = p; q < end; q++) {
            if (*q == '\\') {
                q++;
            } else if (*q == '(') {
                depth++;
            } else if (*q == ')' && --depth == 0) {
                return q + 1;
            }
        }
        fail(m->line, "pattern: ( without )");
    }
    return p + 1;
}

static bool in_class(char class, char c) {
    unsigned char u = (unsigned char)c;
    switch (class) {
    case 'd':
        return isdigit(u);
    case 'w':
        return isalnum(u) || c == '_';
    case 's':
        return isspace(u);
    case 'n':
        return c == '\n';
    default:
        return class == c;
    }
}

static bool in_set(const char *p, const char *end, char c) {
    bool negated = *p == '^';
    bool found = false;
    for (p += negated; p < end; p++) {
        if (*p == '\\' && p + 1 < end) {
            found |= in_class(*++p, c);
        } else if (p + 2 < end && p[1] == '-') {
            found |= c >= p[0] && c <= p[2];
            p += 2;
        } else {
            found |= *p == c;
        }
    }
    return found != negated;
}

static bool one(const char *p, const char *p_end, char c) {
    switch (*p) {
    case '.':
        return c != '\n';
    case '\\':
        return in_class(p[1], c);
    case '[':
        return in_set(p + 1, p_end - 1, c);
    default:
        return *p == c;
    }
}

static bool sequence(Matcher *m, const char *p, const char *end, const Rest *rest, const char *text);

static bool go_on(Matcher *m, const Rest *rest, const char *text) {
    if (rest == NULL) {
        m->matched = text;
        return true;
    }
    return sequence(m, rest->pattern, rest->end, rest->next, text);
}

static bool group(Matcher *m, const char *p, const char *p_end, const Rest *rest, const char *text) {
    return alternatives(m, p + 1, p_end - 1, rest, text);
}

// `element` repeated, then `rest`: as often as possible first.
static bool repeat(Matcher *m, const char *p, const char *p_end, int least, long most, const Rest *rest, const char *text) {
    if (*p == '(') {
        if (most > 0) {
            // The rest of a group's round is the repetition itself; it is spelled out by recursion on the text.
            Rest stop = {p_end, p_end, NULL};
            for (const char *to = m->end; to > text; to--) {
                Matcher inner = *m;
                inner.end = to;
                if (alternatives(&inner, p + 1, p_end - 1, &stop, text) && inner.matched > text) {
                    const char *behind = inner.matched;
                    if (repeat(m, p, p_end, least > 0 ? least - 1 : 0, most - 1, rest, behind)) {
                        return true;
                    }
                }
            }
        }
        return least <= 0 && go_on(m, rest, text);
    }
    const char *far = text;
    while (far < m->end && far - text < most && one(p, p_end, *far)) {
        far++;
    }
    for (; far - text >= least; far--) {
        if (go_on(m, rest, far)) {
            return true;
        }
        if (far == text) {
            break;
        }
    }
    return false;
}

static bool sequence(Matcher *m, const char *p, const char *end, const Rest *rest, const char *text) {
    if (++m->steps > 10000000) {
        fail(m->line, "pattern: takes too long");
    }
    if (p == end) {
        return go_on(m, rest, text);
    }
    if (*p == '^') {
        return text == m->start && sequence(m, p + 1, end, rest, text);
    }
    if (*p == '$') {
        return text == m->end && sequence(m, p + 1, end, rest, text);
    }
    const char *p_end = element_end(m, p, end);
    char sign = p_end < end ? *p_end : '\0';
    if (sign == '*' || sign == '+' || sign == '?') {
        Rest behind = {p_end + 1, end, rest};
        return repeat(m, p, p_end, sign == '+', sign == '?' ? 1 : 1L << 40, &behind, text);
    }
    Rest behind = {p_end, end, rest};
    if (*p == '(') {
        return group(m, p, p_end, &behind, text);
    }
    return text < m->end && one(p, p_end, *text) && sequence(m, p_end, end, rest, text + 1);
}

static bool alternatives(Matcher *m, const char *p, const char *end, const Rest *rest, const char *text) {
    const char *from = p;
    for (const char *q = p; q < end; q = *q == '|' ? q + 1 : element_end(m, q, end)) {
        if (*q == '|') {
            if (sequence(m, from, q, rest, text)) {
                return true;
            }
            from = q + 1;
        }
    }
    return sequence(m, from, end, rest, text);
}

bool pattern_find(int line, const char *pattern, const char *text, size_t from, Match *match) {
    Matcher m = {.start = text, .end = text + strlen(text), .line = line};
    for (const char *at = text + from; at <= m.end; at++) {
        if (alternatives(&m, pattern, pattern + strlen(pattern), NULL, at)) {
            match->start = (size_t)(at - text);
            match->end = (size_t)(m.matched - text);
            return true;
        }
    }
    return false;
}
