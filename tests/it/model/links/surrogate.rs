//! A junction with a key of its own, hooks of its own, and a third relation.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait, EntityTrait};
use thorn::links;

use crate::app::TestApp;

mod group {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_m2m_add(event = "group.joined", link_payload = members),
        on_m2m_remove(event = "group.left", link_payload = members),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "groups")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(has_many, via = "membership")]
        pub members: HasMany<super::member::Entity>,
    }

    fn members(group: &Model, links: &thorn::model::LinkChange) -> serde_json::Value {
        serde_json::json!([group.id, links.keys])
    }
}

mod member {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(has_many, via = "membership")]
        pub groups: HasMany<super::group::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod place {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "place")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod membership {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(junction = [group, member], custom_behavior)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "membership")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique_key = "pair")]
        pub group_id: i64,
        #[sea_orm(unique_key = "pair")]
        pub member_id: i64,
        pub place_id: Option<i64>,
        pub role: String,
        #[sea_orm(belongs_to, from = "group_id", to = "id")]
        pub group: BelongsTo<super::group::Entity>,
        #[sea_orm(belongs_to, from = "place_id", to = "id")]
        pub place: BelongsTo<Option<super::place::Entity>>,
        #[sea_orm(belongs_to, from = "member_id", to = "id")]
        pub member: BelongsTo<super::member::Entity>,
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        fn new() -> Self {
            Self { role: Set("guest".to_owned()), ..ActiveModelTrait::default() }
        }
    }
}

use membership::Entity as Membership;

struct Club {
    test: TestApp,
    groups: Vec<group::Model>,
    members: Vec<member::Model>,
}

impl Club {
    async fn new() -> Self {
        let test = TestApp::new().await.table(group::Entity).await.table(member::Entity).await;
        let test = test.table(place::Entity).await.table(Membership).await;
        let unique = "CREATE UNIQUE INDEX pair_of_membership ON membership (group_id, member_id)";
        test.db().execute_unprepared(unique).await.unwrap();
        let (mut groups, mut members) = (Vec::new(), Vec::new());
        for id in [10, 20, 30] {
            groups.push(group::ActiveModel { id: Set(id) }.insert(test.db()).await.unwrap());
            members.push(member::ActiveModel { id: Set(id) }.insert(test.db()).await.unwrap());
        }
        Self { test, groups, members }
    }

    async fn news(&self) -> Vec<String> {
        let written = self.test.written().await;
        self.test.forget().await;
        written.iter().map(|event| format!("{} {}", event.name, event.body["data"])).collect()
    }
}

#[tokio::test]
async fn thorn_067_068_a_junction_with_a_key_of_its_own() {
    let club = Club::new().await;
    let (db, group) = (club.test.db(), &club.groups[0]);
    assert_eq!(links::add(Membership, group, &club.members[1..], db).await.unwrap(), 2);
    assert_eq!(club.news().await, ["group.joined [10,[20,30]]"]);
    assert_eq!(links::add(Membership, group, &club.members, db).await.unwrap(), 1);
    assert_eq!(club.news().await, ["group.joined [10,[10]]"]);
    assert_eq!(links::add(Membership, group, &club.members, db).await.unwrap(), 0);
    assert_eq!(links::remove(Membership, &club.members[0], &club.groups, db).await.unwrap(), 1);
    assert_eq!(club.news().await, ["group.left [10,[10]]"]);
    assert_eq!(links::clear(Membership, group, db).await.unwrap(), 2);
    assert_eq!(club.news().await, ["group.left [10,[20,30]]"]);
}

#[tokio::test]
async fn new_rows_start_from_the_junctions_own_new() {
    let club = Club::new().await;
    links::add(Membership, &club.groups[0], &club.members, club.test.db()).await.unwrap();
    let rows = Membership::find().all(club.test.db()).await.unwrap();
    assert!(rows.len() == 3 && rows.iter().all(|row| row.role == "guest"), "{rows:?}");
}

#[tokio::test]
async fn thorn_068_nested_saves_through_a_junction_with_a_key_of_its_own() {
    let club = Club::new().await;
    let db = club.test.db();
    links::add(Membership, &club.groups[0], &club.members[..1], db).await.unwrap();
    club.news().await;
    let member = |at: usize| member::ActiveModel::from(club.members[at].clone()).into_ex();
    let mut group = group::ActiveModel::from(club.groups[0].clone()).into_ex();
    (0..3).for_each(|at| {
        group.members.push(member(at));
    });
    let group = group.save(db).await.unwrap();
    assert_eq!(club.news().await, ["group.joined [10,[20,30]]"]);
    let mut group = group.save(db).await.unwrap();
    assert_eq!(club.news().await, [""; 0]);
    group.members.replace_all([member(1)]);
    group.save(db).await.unwrap();
    assert_eq!(club.news().await, ["group.left [10,[10,30]]"]);

    let mut member = member(1);
    for group in &club.groups {
        member.groups.push(group::ActiveModel::from(group.clone()).into_ex());
    }
    member.save(db).await.unwrap();
    assert_eq!(club.news().await, ["group.joined [20,[20]]", "group.joined [30,[20]]"]);
}

#[tokio::test]
async fn a_row_that_is_moved_is_another_link() {
    let club = Club::new().await;
    let db = club.test.db();
    let new = membership::ActiveModel { group_id: Set(10), member_id: Set(20), ..sea_orm::ActiveModelBehavior::new() };
    let mut row = membership::ActiveModel::from(new.insert(db).await.unwrap());
    assert_eq!(club.news().await, ["group.joined [10,[20]]"]);
    row.role = Set("chair".to_owned());
    let mut row = membership::ActiveModel::from(row.update(db).await.unwrap());
    assert_eq!(club.news().await, [""; 0], "the link is as it was");
    row.group_id = Set(30);
    let row = row.update(db).await.unwrap();
    assert_eq!(club.news().await, ["group.left [10,[20]]", "group.joined [30,[20]]"]);
    membership::ActiveModel { id: Set(row.id), ..Default::default() }.delete(db).await.unwrap();
    assert_eq!(club.news().await, ["group.left [30,[20]]"], "by its key alone");
}
