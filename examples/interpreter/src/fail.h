// Ends the program with a message that names a line.
#ifndef FAIL_H
#define FAIL_H

_Noreturn void fail(int line, const char *format, ...);
void fail_in(const char *file_name);

#endif
