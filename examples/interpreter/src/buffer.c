#include "buffer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"

static void reserve(Buffer *buffer, size_t more) {
    size_t wanted = buffer->length + more + 1;
    if (wanted <= buffer->capacity) {
        return;
    }
    size_t capacity = buffer->capacity ? buffer->capacity : 32;
    while (capacity < wanted) {
        capacity *= 2;
    }
    buffer->bytes = arena_grow(buffer->bytes, buffer->length, capacity);
    buffer->capacity = capacity;
}

void buffer_bytes(Buffer *buffer, const char *bytes, size_t length) {
    reserve(buffer, length);
    if (length > 0) {
        memcpy(buffer->bytes + buffer->length, bytes, length);
    }
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void buffer_byte(Buffer *buffer, char byte) {
    buffer_bytes(buffer, &byte, 1);
}

void buffer_text(Buffer *buffer, const char *text) {
    buffer_bytes(buffer, text, strlen(text));
}

void buffer_number(Buffer *buffer, double number) {
    char text[40];
    if (isnan(number)) {
        strcpy(text, "nan");
    } else if (isinf(number)) {
        strcpy(text, number < 0 ? "-inf" : "inf");
    } else if (number == floor(number) && fabs(number) < 1e15) {
        snprintf(text, sizeof text, "%.0f", number == 0 ? 0.0 : number);
    } else {
        // The shortest text that reads back as the same number.
        for (int digits = 1; digits <= 17; digits++) {
            double back;
            snprintf(text, sizeof text, "%.*g", digits, number);
            if (sscanf(text, "%lf", &back) == 1 && back == number) {
                break;
            }
        }
    }
    buffer_text(buffer, text);
}

void buffer_code_point(Buffer *buffer, unsigned code) {
    if (code < 0x80) {
        buffer_byte(buffer, (char)code);
    } else if (code < 0x800) {
        buffer_byte(buffer, (char)(0xc0 | code >> 6));
        buffer_byte(buffer, (char)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buffer_byte(buffer, (char)(0xe0 | code >> 12));
        buffer_byte(buffer, (char)(0x80 | (code >> 6 & 0x3f)));
        buffer_byte(buffer, (char)(0x80 | (code & 0x3f)));
    } else {
        buffer_byte(buffer, (char)(0xf0 | code >> 18));
        buffer_byte(buffer, (char)(0x80 | (code >> 12 & 0x3f)));
        buffer_byte(buffer, (char)(0x80 | (code >> 6 & 0x3f)));
        buffer_byte(buffer, (char)(0x80 | (code & 0x3f)));
    }
}
