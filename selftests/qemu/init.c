// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a guest, which does what /plan says:
 *
 *	mode test|run|shell
 *	limit SECONDS		for each program; 0: none
 *	cpus NUMBER		that there must be: fewer of them would hide races
 *	program PATH [ARGUMENT...]
 *
 * Three serial ports: the kernel's console is ttyS0; what the programs say
 * goes to ttyS1; ttyS2 is this process's own, where only it writes:
 *
 *	program PATH exit|signal|late|stuck NUMBER SECONDS
 *	problem TEXT		with the module or in the kernel's log
 *	verdict pass|fail	at the very end; fail: there were problems
 *
 * Whoever reads it takes silence for failure, and looks at what the programs
 * themselves say.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <libkmod.h>
#include <linux/mailbox.h>

#define MODULE	"mailbox_ipc"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static FILE *port;		/* ttyS2 */
static bool failed;

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);

	failed = true;
	printf("# init: %s\n", text);
	fflush(stdout);
	if (port) {
		fprintf(port, "problem %s\n", text);
		fflush(port);
	}
}

static void __attribute__((noreturn)) end_guest(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	if (port) {
		fprintf(port, "verdict %s\n", failed ? "fail" : "pass");
		fflush(port);
		tcdrain(fileno(port));
	}
	sync();
	/* -no-reboot: QEMU ends here.  To power off would take ACPI. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

/* --- the machine ------------------------------------------------------ */

static const struct {
	const char *type;
	const char *where;
	const char *options;
} mounts[] = {
	{ "devtmpfs", "/dev", NULL },
	{ "devpts", "/dev/pts", NULL },
	{ "tmpfs", "/dev/shm", "mode=1777" },
	{ "mqueue", "/dev/mqueue", NULL },
	{ "proc", "/proc", NULL },
	{ "sysfs", "/sys", NULL },
	{ "tmpfs", "/run", "mode=755" },
	{ "tmpfs", "/tmp", "mode=1777" },
	{ "cgroup2", "/sys/fs/cgroup", NULL },
	{ "debugfs", "/sys/kernel/debug", NULL },
	{ "tracefs", "/sys/kernel/tracing", NULL },
};

static void mount_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0,
			  mounts[i].options))
			fail("mount %s: %s", mounts[i].where, strerror(errno));
	}
	symlink("/proc/self/fd", "/dev/fd");
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail("lo: %s", strerror(errno));
	close(fd);
}

static int open_serial(const char *path, bool raw)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	if (fd < 0 || tcgetattr(fd, &settings))
		return -1;
	/* a program's line ends arrive as it wrote them; people want a terminal */
	if (raw)
		cfmakeraw(&settings);
	cfsetspeed(&settings, B115200);
	settings.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSANOW, &settings);
	return fd;
}

static void open_ports(bool raw)
{
	int fd = open_serial("/dev/ttyS1", raw);

	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	fd = open("/dev/null", O_RDONLY);
	if (fd > 0) {
		dup2(fd, STDIN_FILENO);
		close(fd);
	}
	fd = open_serial("/dev/ttyS2", true);
	if (fd >= 0)
		port = fdopen(fd, "w");
	if (!port)
		fail("no port for the verdict");
}

/* --- the module ------------------------------------------------------- */

static struct kmod_module *find_module(struct kmod_ctx *context)
{
	struct kmod_list *list = NULL;
	struct kmod_module *module = NULL;
	int error = kmod_module_new_from_lookup(context, MODULE, &list);

	if (!error && list)
		module = kmod_module_get_module(list);
	else
		fail("no module " MODULE ": %s", strerror(-error));
	kmod_module_unref_list(list);
	return module;
}

static bool load(struct kmod_module *module)
{
	int error = kmod_module_insert_module(module, 0, NULL);

	if (error)
		fail("loading " MODULE ": %s", strerror(-error));
	return !error;
}

static bool unload(struct kmod_module *module)
{
	int error;

	/* what a killed process held is let go a little later */
	for (int i = 0; i < 30; i++) {
		error = kmod_module_remove_module(module, 0);
		if (error != -EAGAIN && error != -EBUSY)
			break;
		usleep(100 * 1000);
	}
	if (error)
		fail("unloading " MODULE ": %s (%d references)", strerror(-error),
		     kmod_module_get_refcnt(module));
	return !error;
}

/* A large message is in vmalloc; nothing of it may be left with no user. */
static void check_vmalloc(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "re");
	char line[512];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "mbipc_")) {
			line[strcspn(line, "\n")] = 0;
			fail("memory left behind: %s", line);
		}
	fclose(file);
}

/*
 * The module is gone, so nothing that it had allocated may be left, whoever
 * pointed there: two scans, as the first one may meet what is on its way, and
 * none before what was freed last is old enough to be looked at.
 */
static void check_leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char line[512];
	FILE *file;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT)
			fail("%s: %s", path, strerror(errno));
		return;
	}
	for (int i = 0; i < 2; i++) {
		sleep(6);
		if (write(fd, "scan", 4) != 4)
			fail("%s: scan: %s", path, strerror(errno));
	}
	close(fd);

	file = fopen(path, "re");
	if (!file) {
		fail("%s: %s", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "unreferenced object", 19))
			fail("kmemleak: %s", line);
		else
			printf("# init: %s\n", line);
	}
	fclose(file);
}

/*
 * How many accesses to memory has KCSAN watched?  -1: there is none.  It looks at
 * the module alone, and can switch itself off.
 */
static long kcsan_watched(void)
{
	FILE *file = fopen("/sys/kernel/debug/kcsan", "re");
	bool enabled = false;
	long watched = 0;
	char line[128];

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (!strcmp(line, "enabled: 1\n"))
			enabled = true;
		else if (!strncmp(line, "setup_watchpoints: ", 19))
			watched = atol(line + 19);
	fclose(file);
	return enabled ? watched : 0;
}

static void check_kcsan(long before)
{
	long watched = kcsan_watched() - before;

	if (before < 0)
		return;
	printf("# init: KCSAN has watched %ld accesses\n", watched);
	if (watched <= 0)
		fail("KCSAN is off, or the module is not instrumented");
}

/* One message through a mailbox without a name: does it work at all? */
static void smoke(void)
{
	struct mailbox_create create = {
		.rights = MAILBOX_RIGHT_ALL,
		.policy = MAILBOX_POLICY_SHARED,
		.capacity = 1,
	};
	char sent[] = "once more", received[sizeof(sent)] = "";
	struct mailbox_send send = {
		.buffer = (uintptr_t)sent, .length = sizeof(sent),
	};
	struct mailbox_receive receive = {
		.buffer = (uintptr_t)received, .length = sizeof(received),
	};
	int device = open("/dev/mailbox", O_RDWR | O_CLOEXEC);

	if (device < 0) {
		fail("smoke: /dev/mailbox: %s", strerror(errno));
		return;
	}
	if (ioctl(device, MAILBOX_IOC_CREATE, &create))
		fail("smoke: CREATE: %s (reason %u)", strerror(errno), create.error.reason);
	else if (ioctl(create.fd, MAILBOX_IOC_SEND, &send))
		fail("smoke: SEND: %s (reason %u)", strerror(errno), send.error.reason);
	else if (ioctl(create.fd, MAILBOX_IOC_RECEIVE, &receive))
		fail("smoke: RECEIVE: %s (reason %u)", strerror(errno), receive.error.reason);
	else if (strcmp(sent, received) || receive.header.length != sizeof(sent))
		fail("smoke: another message came out than went in");
	else
		close(create.fd);
	close(device);
}

/* --- the kernel's log ------------------------------------------------- */

/* Trouble, whoever's. */
static const char * const trouble[] = {
	"WARNING: ", "BUG: ", "BUG ", "Oops", "general protection fault",
	"Unable to handle", "unable to handle", "Kernel panic", "kernel BUG at", "rcu: INFO:", "detected stall", "soft lockup",
	"hard LOCKUP", "blocked for more than", "scheduling while atomic",
	"sleeping function called", "possible circular locking",
	"possible recursive locking", "possible irq lock inversion",
	"inconsistent lock state", "suspicious RCU usage", "held lock freed",
	"still has locks held", "KASAN", "KCSAN", "KFENCE", "UBSAN", "kmemleak",
	"unreferenced object", "refcount_t:", "list_add corruption",
	"list_del corruption", "Objects remaining", "still has objects",
	"double free", "corrupted", "ODEBUG:",
};

/* What names us in a warning and is none. */
static const char * const expected[] = {
	"loading out-of-tree module taints kernel",
	"module verification failed: signature and/or required key missing",
	"kmemleak: Kernel memory leak detector initialized",
	"kmemleak: Automatic memory scanning thread",
	/* fault_load_test lets it */
	"kmem_cache_create_usercopy(mailbox",
};

static bool any_of(const char *text, const char * const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(text, list[i]))
			return true;
	return false;
}

static void scan_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned long long next = 0;
	char record[8192];

	if (fd < 0) {
		fail("/dev/kmsg: %s", strerror(errno));
		return;
	}
	for (;;) {
		ssize_t length = read(fd, record, sizeof(record) - 1);
		unsigned long long sequence;
		unsigned int priority;
		char *text;

		if (length < 0 && errno == EAGAIN)
			break;
		if (length < 0) {
			fail("/dev/kmsg: %s%s", strerror(errno),
			     errno == EPIPE ? ": the log is longer than its buffer" : "");
			break;
		}
		record[length] = 0;
		text = strchr(record, ';');
		if (!text || sscanf(record, "%u,%llu", &priority, &sequence) != 2) {
			fail("/dev/kmsg: a record that cannot be read");
			break;
		}
		if (sequence != next)
			fail("the kernel's log has lost its beginning");
		next = sequence + 1;

		*text++ = 0;
		text[strcspn(text, "\n")] = 0;
		if (priority >> 3)	/* not the kernel's facility */
			continue;
		if (any_of(text, expected, ARRAY_SIZE(expected)))
			continue;
		/* a frame of a backtrace belongs to what stands above it */
		if (any_of(text, trouble, ARRAY_SIZE(trouble)) ||
		    ((priority & 7) <= 4 && strstr(text, "mailbox") && !strstr(text, "+0x")))
			fail("kernel log: %s", text);
	}
	close(fd);
}

/* --- programs --------------------------------------------------------- */

#define LOOK	4	/* s, from one look at a program to the next */
#define HUNG	20	/* s: less than what the harness gives a test */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Where the tasks sleep goes to the console, for whoever looks into a hang. */
static void show_tasks(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "t", 1) != 1)
		perror("# init: sysrq-trigger");
	close(fd);
}

/*
 * Wait for a child, or for all of them (-1), until a time, or without end;
 * false: it still runs.
 */
static bool wait_for(pid_t child, double until, int *status)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(-1, status, WNOHANG);
		double left = until - now();
		struct timespec time;

		if (pid == child)
			return true;	/* -1: there is none any more */
		if (pid > 0)
			continue;	/* somebody's orphan */
		if (until && left <= 0)
			return false;
		time.tv_sec = left;
		time.tv_nsec = (left - time.tv_sec) * 1e9;
		sigtimedwait(&set, NULL, until ? &time : NULL);
	}
}

/* For how long all CPUs have done nothing up to now, s; said again at times. */
static double idle_for(void)
{
	static double since;
	static long long before;
	long long user, nice, system, busy;
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %lld %lld %lld", &user, &nice, &system) != 3)
		user = nice = system = -1;
	if (file)
		fclose(file);
	busy = user + nice + system;
	/* This and the kernel's own work take some: not a twentieth of one CPU. */
	if (busy < 0 || busy - before > LOOK * sysconf(_SC_CLK_TCK) / 20 || !since)
		since = now();
	before = busy;
	return now() - since;
}

/*
 * Wait for a program with a limit.  If nothing runs any more it has hung: its test
 * will be ended by the harness before anybody could look, so the tasks are shown.
 * Without a limit, nobody but it runs: somebody may count every instruction.
 */
static bool wait_for_program(pid_t child, double until, int *status)
{
	bool shown = false;
	double next;

	if (!until)
		return wait_for(child, 0, status);
	do {
		next = now() + LOOK;
		if (wait_for(child, until < next ? until : next, status))
			return true;
		if (!shown && idle_for() >= HUNG) {
			shown = true;
			printf("\n# init: nothing has run for %d s: see the tasks in kernel.log\n",
			       HUNG);
			fflush(stdout);
			show_tasks();
		}
	} while (now() < until);
	return false;
}

static void __attribute__((noreturn)) become(char **argv, bool terminal)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (terminal) {
		int fd = open("/dev/ttyS1", O_RDWR);

		ioctl(fd, TIOCSCTTY, 0);
		dup2(fd, STDIN_FILENO);
		if (fd > STDERR_FILENO)
			close(fd);
	}
	if (chdir("/tmp"))
		perror("/tmp");
	execv(argv[0], argv);
	fprintf(stderr, "# init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void run(char *command, int limit, bool terminal)
{
	char *argv[64], *rest = NULL;
	double start = now();
	bool late = false;
	int status = 0, n = 0;
	pid_t child;

	for (char *word = strtok_r(command, " ", &rest); word && n < 63;
	     word = strtok_r(NULL, " ", &rest))
		argv[n++] = word;
	argv[n] = NULL;
	if (!n)
		return;

	if (!terminal)
		printf("# begin %s\n", argv[0]);
	fflush(stdout);
	child = fork();
	if (!child)
		become(argv, terminal);
	if (child < 0) {
		fail("fork: %s", strerror(errno));
		return;
	}
	if (!wait_for_program(child, limit ? start + limit : 0, &status)) {
		late = true;
		show_tasks();
		kill(child, SIGKILL);
		if (!wait_for(child, now() + 10, &status)) {
			fail("%s cannot be killed", argv[0]);
			if (port)
				fprintf(port, "program %s stuck %d %.1f\n", argv[0],
					limit, now() - start);
			end_guest();
		}
	}

	/* whatever it left behind must not outlive it: everybody but us */
	kill(-1, SIGKILL);
	if (!wait_for(-1, now() + 60, NULL)) {
		fail("what %s left behind cannot be killed", argv[0]);
		end_guest();
	}

	/* a program that was cut short may have left half a line */
	if (!terminal)
		printf("\n# end %s\n", argv[0]);
	fflush(stdout);
	if (port) {
		fprintf(port, "program %s %s %d %.1f\n", argv[0],
			late ? "late" : WIFSIGNALED(status) ? "signal" : "exit",
			late ? limit :
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
			now() - start);
		fflush(port);
	}
}

static void check_cpus(long wanted)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (online != wanted)
		fail("%ld CPUs are online, and not %ld", online, wanted);
}

/* --- the plan --------------------------------------------------------- */

static char *read_plan(void)
{
	static char plan[65536];
	FILE *file = fopen("/plan", "re");
	size_t length = file ? fread(plan, 1, sizeof(plan) - 1, file) : 0;

	if (!file || length == sizeof(plan) - 1)
		fail("/plan: cannot be read");
	plan[length] = 0;
	if (file)
		fclose(file);
	return plan;
}

int main(void)
{
	char *plan = read_plan(), *rest = NULL;
	bool testing = strstr(plan, "mode test\n");
	bool terminal = strstr(plan, "mode shell\n");
	struct kmod_ctx *context;
	struct kmod_module *module;
	int limit = 0;
	long watched;
	sigset_t set;

	if (getpid() != 1) {
		fputs("this is the first process of a guest, and of nothing else\n", stderr);
		return 1;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);

	umask(0);
	mount_all();
	open_ports(!terminal);
	umask(022);
	loopback_up();
	setenv("PATH", "/usr/bin:/bin:/sbin", 1);
	setenv("HOME", "/tmp", 1);
	setenv("LC_ALL", "C", 1);
	setenv("TERM", terminal ? "linux" : "dumb", 0);
	sethostname("guest", 5);

	context = kmod_new(NULL, NULL);
	module = context ? find_module(context) : NULL;
	watched = kcsan_watched();
	if (!module || !load(module))
		end_guest();

	for (char *line = strtok_r(plan, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "limit ", 6))
			limit = atoi(line + 6);
		else if (!strncmp(line, "cpus ", 5))
			check_cpus(atoi(line + 5));
		else if (!strncmp(line, "kernel ", 7))	/* for who says how to try again */
			setenv("KERNEL", line + 7, 1);
		else if (!strncmp(line, "program ", 8))
			run(line + 8, limit, terminal);
	}

	if (testing) {
		check_vmalloc();
		if (unload(module) && load(module)) {
			smoke();
			unload(module);
		}
		check_leaks();
	}
	check_kcsan(watched);
	scan_log();
	kmod_module_unref(module);
	kmod_unref(context);
	end_guest();
}
