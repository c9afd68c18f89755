// Text that grows at its end.
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

typedef struct {
    char *bytes;
    size_t length;
    size_t capacity;
} Buffer;

void buffer_byte(Buffer *buffer, char byte);
void buffer_bytes(Buffer *buffer, const char *bytes, size_t length);
void buffer_text(Buffer *buffer, const char *text);
void buffer_number(Buffer *buffer, double number);
void buffer_code_point(Buffer *buffer, unsigned code);

#endif
