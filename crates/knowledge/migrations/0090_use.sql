-- How often an answer answered somebody, by day in Viet Nam: askers who were answered with it, and visitors
-- who said that it answered them. Of nobody.
create table knowledge.passage_use (
    passage_id text not null,
    day date not null,
    answered integer not null default 0,
    answered_me integer not null default 0,
    primary key (passage_id, day)
);

create index passage_use_day on knowledge.passage_use (day);
