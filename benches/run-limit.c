/*
 * What the kernel asks for RUN steps: run-limit ROOT WORK STEPS [bare|look].
 *
 * The limit of the rows with RUN steps, and no builder: nothing is looked up, hashed, recorded or made durable. It does what
 * a builder that isolates cannot leave out, once a step: an overlay over ROOT and over all that the steps before wrote, a
 * process in namespaces of its own, proc, dev and sys in them, masks and read-only paths, hosts and resolv.conf, another
 * root, fewer capabilities, a filter of system calls, the command, one look at what it wrote, and the overlay away. With
 * "bare", nothing protects the host: no masks, no files, all capabilities, no filter. With "look", a process beside looks once
 * at each file of ROOT: whoever stands on what an earlier build left must notice that somebody changed it.
 * WORK must be empty, and on a file system that can hold an upper directory.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

static int bare;

/* SPEC: runtime-spec config-linux.md, "Masked Paths" and "Readonly Paths"; which ones: src/sandbox/masks.rs. */
static const char *const MASKED[] = {
    "proc/acpi", "proc/asound", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/sched_debug",
    "proc/scsi", "proc/timer_list", "proc/timer_stats", "sys/devices/virtual/powercap", "sys/firmware", "sys/fs/selinux",
};
static const char *const READ_ONLY[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void cover(void) {
    struct stat stat_;
    for (size_t n = 0; n < COUNT(MASKED); n++) {
        if (stat(MASKED[n], &stat_) < 0) continue;
        if (S_ISDIR(stat_.st_mode)) must(mount("tmpfs", MASKED[n], "tmpfs", MS_RDONLY, NULL), MASKED[n]);
        else must(mount("dev/null", MASKED[n], NULL, MS_BIND, NULL), MASKED[n]);
    }
    for (size_t n = 0; n < COUNT(READ_ONLY); n++) {
        if (mount(READ_ONLY[n], READ_ONLY[n], NULL, MS_BIND, NULL) < 0) continue;
        must(mount(NULL, READ_ONLY[n], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), READ_ONLY[n]);
    }
}

/* Two files that the builder provides, on a file system in memory that no path leads to any more. */
static void provide(void) {
    static const char *const FILES[] = {"etc/hosts", "etc/resolv.conf"};
    must(mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, NULL), "files");
    for (size_t n = 0; n < COUNT(FILES); n++) {
        char path[32];
        snprintf(path, sizeof path, "dev/shm/%zu", n);
        int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        must(file, path);
        must((int)write(file, "127.0.0.1 localhost\n", 20), path);
        close(file);
        must(mount(path, FILES[n], NULL, MS_BIND, NULL), FILES[n]);
    }
    must(umount2("dev/shm", MNT_DETACH), "files");
}

/* All capabilities but fourteen leave the bounding set; a filter that is as long as the usual ones, and refuses one call. */
static void give_up(void) {
    const unsigned long KEPT = 0xa80425fb;
    for (int number = 0; number <= 40; number++) {
        if (!(KEPT >> number & 1)) must(prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "bounding set");
    }
    enum { LENGTH = 390 };
    static struct sock_filter filter[LENGTH];
    filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    filter[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kexec_load, 0, 1);
    filter[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1);
    /* A search would take few of them for each call: so does this. The kernel compiles them all. */
    filter[3] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, LENGTH - 5);
    for (int n = 4; n < LENGTH - 1; n++) filter[n] = filter[0];
    filter[LENGTH - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = LENGTH, .filter = filter};
    must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program), "filter");
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
    if (!bare) {
        provide();
        must(mkdir("dev/mqueue", 0755), "dev/mqueue");
        must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "dev/mqueue");
        cover();
    }
    must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "dev/shm");
    must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "the old root");
    must(chdir("/"), "/");
    if (!bare) give_up();
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
    snprintf(lower + used, sizeof lower - used, "base:points");
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
    bare = count == 5 && !strcmp(arguments[4], "bare");
    int looks = count == 5 && !strcmp(arguments[4], "look");
    if (count != 4 + bare + looks) {
        fprintf(stderr, "usage: run-limit ROOT WORK STEPS [bare|look]\n");
        return 2;
    }
    must(chdir(arguments[2]), arguments[2]);
    must(symlink(arguments[1], "base"), "base");
    must(mkdir("root", 0755), "root");
    /* Below all else, the places of the two files. */
    must(mkdir("points", 0755), "points");
    must(mkdir("points/etc", 0755), "points");
    must(mknod("points/etc/hosts", S_IFREG | 0644, 0), "points");
    must(mknod("points/etc/resolv.conf", S_IFREG | 0644, 0), "points");
    int looker = looks ? fork() : 0;
    must(looker, "fork");
    if (looks && looker == 0) {
        int root = open("base", O_RDONLY | O_DIRECTORY);
        must(root, "base");
        return look(root) == 0;
    }
    int steps = atoi(arguments[3]);
    for (int number = 0; number < steps; number++) step(number);
    int status = 0;
    if (looks) must(waitpid(looker, &status, 0), "wait");
    return status != 0;
}
