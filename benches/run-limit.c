/*
 * What the kernel asks for RUN steps: run-limit ROOT WORK STEPS.
 *
 * The limit of the rows with RUN steps, and no builder: nothing is looked up, hashed, recorded or made durable, no capability
 * is dropped and no system call filtered. It does what no builder can leave out, once a step: an overlay over ROOT and over
 * all that the steps before wrote, a process in namespaces of its own, proc, dev and sys in them, another root, the command,
 * one look at what it wrote, and the overlay away. WORK must be empty, and on a file system that can hold an upper directory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void device(const char *path, int minor) {
    must(mknod(path, S_IFCHR | 0666, makedev(1, minor)), path);
}

/* The child: first process of its namespaces, in the overlay, which is mounted at "root" of the working directory. */
static int inside(void *command) {
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    must(chdir("root"), "root");
    must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
    must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sys");
    must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755"), "dev");
    device("dev/null", 3);
    device("dev/zero", 5);
    device("dev/full", 7);
    device("dev/random", 8);
    device("dev/urandom", 9);
    must(mkdir("dev/pts", 0755), "dev/pts");
    must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666"), "dev/pts");
    must(mkdir("dev/shm", 0777), "dev/shm");
    must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "dev/shm");
    must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "the old root");
    must(chdir("/"), "/");
    char *const arguments[] = {"/bin/sh", "-c", command, NULL};
    char *const environment[] = {"PATH=/bin:/usr/bin", NULL};
    execve(arguments[0], arguments, environment);
    must(-1, "/bin/sh");
    return 1;
}

/* Every name below a directory, looked at once. */
static unsigned look(int directory) {
    DIR *list = fdopendir(directory);
    if (!list) must(-1, "the upper directory");
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(list));) {
        struct stat stat;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        must(fstatat(directory, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW), entry->d_name);
        count++;
        if (S_ISDIR(stat.st_mode)) {
            int below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            must(below, entry->d_name);
            count += look(below);
        }
    }
    closedir(list);
    return count;
}

static void step(int number) {
    static char options[16384], lower[8192], stack[65536];
    char upper[32], work[32], command[64];
    snprintf(upper, sizeof upper, "u%d", number);
    snprintf(work, sizeof work, "w%d", number);
    must(mkdir(upper, 0755), upper);
    must(mkdir(work, 0755), work);
    /* The newest directory is the topmost. "base" leads to ROOT. */
    int used = 0;
    for (int below = number - 1; below >= 0; below--) used += snprintf(lower + used, sizeof lower - used, "u%d:", below);
    snprintf(lower + used, sizeof lower - used, "base");
    /* Not volatile, an overlay's end would write the whole file system to its disk. */
    snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s,volatile", lower, upper, work);
    must(mount("overlay", "root", "overlay", 0, options), "overlay");
    snprintf(command, sizeof command, "echo %d > /out", number);
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    /* As a builder with much memory would: the child shares it until it is another program. */
    int child = clone(inside, stack + sizeof stack, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, command);
    must(child, "clone");
    int status;
    must(waitpid(child, &status, 0), "wait");
    if (status != 0) {
        fprintf(stderr, "step %d ended with %d\n", number, status);
        exit(1);
    }
    int written = open(upper, O_RDONLY | O_DIRECTORY);
    must(written, upper);
    if (look(written) == 0) {
        fprintf(stderr, "step %d wrote nothing\n", number);
        exit(1);
    }
    must(umount2("root", MNT_DETACH), "the overlay");
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: run-limit ROOT WORK STEPS\n");
        return 2;
    }
    must(chdir(arguments[2]), arguments[2]);
    must(symlink(arguments[1], "base"), "base");
    must(mkdir("root", 0755), "root");
    int steps = atoi(arguments[3]);
    for (int number = 0; number < steps; number++) step(number);
    return 0;
}
