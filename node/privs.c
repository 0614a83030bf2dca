/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities, memory locking, no dumps (privs.h). capset(2) has no wrapper in the C library. */
#include "node/privs.h"

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint8_t needed[] = {
	CAP_NET_ADMIN,        /* TUN, addresses, routes, nftables, SO_MARK */
	CAP_NET_RAW,          /* protocol 50, announcements */
	CAP_NET_BIND_SERVICE, /* UDP 500 */
	CAP_IPC_LOCK,         /* mlockall */
	CAP_CHOWN,            /* libqb gives a client's socket to the group holdfast */
	CAP_DAC_OVERRIDE,     /* started by root, with files of the user holdfast */
#ifdef __SANITIZE_ADDRESS__
	CAP_SYS_PTRACE, /* LeakSanitizer looks at us as a debugger does */
#endif
};

enum result privs_limit(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t keep[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (size_t i = 0; i < sizeof(needed); i++)
		keep[CAP_TO_INDEX(needed[i])] |= CAP_TO_MASK(needed[i]);
	if (syscall(SYS_capget, &head, data) != 0)
		return R_SYSTEM;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= keep[i];
		data[i].effective &= keep[i];
		data[i].inheritable = 0;
	}
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    syscall(SYS_capset, &head, data) != 0)
		return R_SYSTEM;
	return R_OK;
}

enum result privs_lock_memory(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? R_OK : R_SYSTEM;
}
