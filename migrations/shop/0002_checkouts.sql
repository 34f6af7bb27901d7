CREATE TABLE `checkout_events` (
	`checkout` text NOT NULL,
	`position` integer NOT NULL,
	`kind` text NOT NULL,
	`step` text NOT NULL,
	`because` text,
	`at` integer NOT NULL,
	PRIMARY KEY(`checkout`, `position`)
);
--> statement-breakpoint
CREATE TABLE `checkouts` (
	`id` text PRIMARY KEY NOT NULL,
	`account` text NOT NULL,
	`idempotency_key` text NOT NULL,
	`purchase` text NOT NULL,
	`state` text NOT NULL,
	`started_at` integer NOT NULL,
	`moved_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `checkouts_key` ON `checkouts` (`account`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `checkouts_standing` ON `checkouts` (`state`,`moved_at`);--> statement-breakpoint
CREATE TABLE `charges` (
	`key` text PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`amount` integer NOT NULL,
	`currency` text NOT NULL,
	`created_at` integer NOT NULL,
	`changed_at` integer NOT NULL
);
