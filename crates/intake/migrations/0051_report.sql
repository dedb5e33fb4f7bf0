-- Reports from the field: the place, what the public sees of them, and their photos.
alter table intake.ticket
    add column latitude double precision,   -- to four decimals; of a report only
    add column longitude double precision,
    add column address bytea,               -- sealed: how to find it
    add column publicity text check (publicity in ('hidden', 'text', 'photos')), -- null: as the field's policy says
    add column publicity_by text,           -- the officer who last set it
    add column publicity_at timestamptz;

-- Which report that waits is near.
create index ticket_waiting_place on intake.ticket (latitude, longitude)
    where latitude is not null and state in ('received', 'routed');

-- Public lists, newest first.
create index ticket_reported_at on intake.ticket (submitted_at desc, ticket_id desc) where latitude is not null;

-- The field that has a report is a value the planner must know the frequencies of.
create statistics intake.ticket_report_field on (coalesce(nullif(routed_field, ''), field)) from intake.ticket;

create table intake.photo (
    photo_id uuid primary key,
    digest bytea not null,                  -- SHA-256 of the file as it was sent, so that a retry is known as one
    width integer not null,
    height integer not null,
    uploaded_at timestamptz not null,
    ticket_id uuid references intake.ticket, -- null: no report has named it yet
    number integer,                         -- 1 for the report's first
    leaving boolean not null default false, -- it is being deleted: no report can name it any more
    check ((ticket_id is null) = (number is null)),
    check (ticket_id is null or not leaving),
    constraint photo_number unique (ticket_id, number)
);

create index photo_waiting on intake.photo (uploaded_at) where ticket_id is null;
